"""Files of a checkpoint that hold its weights, by their names. Loads no torch.

Safetensors are preferred; where they are, no pickle is opened, hashed or downloaded.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import metadata
from pathlib import Path

from packaging.version import Version

from harness.errors import UserError

SAFETENSORS = "model.safetensors"
PICKLE = "pytorch_model.bin"
INDEX = ".index.json"
SAFE_TORCH = Version("2.10")
"""The first whose ``weights_only`` unpickler is known to run no code: older ones have CVE-2025-32434 or
CVE-2026-24747."""
_OTHERS = {
    "tf_model.h5": "TensorFlow, from_tf=True",
    f"tf_model.h5{INDEX}": "TensorFlow, from_tf=True",
    "model.ckpt.index": "TensorFlow, from_tf=True",
    "flax_model.msgpack": "Flax, from_flax=True",
    f"flax_model.msgpack{INDEX}": "Flax, from_flax=True",
}
_OTHER_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


def weights_name(names: Collection[str], place: str) -> str:
    """The first file to open of a checkpoint with files of these ``names``: weights, or the index of their shards.

    ``place`` says whose they are. Raises `UserError` where there are none that are loaded.
    """
    for weights in (SAFETENSORS, PICKLE):
        for name in (weights, weights + INDEX):
            if name in names:
                return name
    for name, said in _OTHERS.items():
        if name in names:
            framework, option = said.split(", ")
            raise UserError(
                f"{place} holds its weights for {framework} alone ({name}): load it once with transformers 4, "
                f"from_pretrained(..., {option}), and give the folder that save_pretrained then writes"
            )
    pickles = sorted(name for name in names if name.endswith(_OTHER_PICKLES))
    if pickles:
        raise UserError(
            f"{place} has no {SAFETENSORS} and no {PICKLE}, only {pickles[0]}: save it again with "
            "save_pretrained(..., safe_serialization=True)"
        )
    raise UserError(f"{place} has no {SAFETENSORS} and no {PICKLE}: give the folder save_pretrained wrote")


def pickled(name: str) -> bool:
    """Whether a `weights_name` is that of a pickle."""
    return name.startswith(PICKLE)


def require_safe_torch(file: Path) -> None:
    """Raise `UserError` where torch is too old to open the pickle ``file``."""
    installed = metadata.version("torch")
    if Version(installed) < SAFE_TORCH:
        raise UserError(
            f"{file} is a pickle, which torch {installed} could be made to run code by (CVE-2025-32434, "
            f"CVE-2026-24747): install torch {SAFE_TORCH} or newer, or give the weights as safetensors"
        )
