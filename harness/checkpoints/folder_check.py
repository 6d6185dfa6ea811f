"""Check of a checkpoint folder without loading it: enough to refuse a study before it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backends.errors import one_line
from harness.checkpoints.named_files import require_plain_settings, require_plain_weights
from harness.errors import UserError
from harness.tasks.fast_tokenizer import TOKENIZER

VOCABULARIES = ("vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "spm.model")
"""What a tokenizer of `transformers` is read from where it has no tokenizer.json."""
_DEPTHS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")
MOST_LAYERS = 1_000
"""The weights are laid out by the configuration alone: a slip there would fill the memory first."""
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def first_look(folder: Path) -> None:
    """Raise `UserError` for a folder without a configuration, a tokenizer, or weights in safetensors."""
    read_config(folder)
    require_tokenizer(folder)
    require_safetensors(folder)


def read_config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"checkpoint {folder} has no config.json: give the folder save_pretrained wrote") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {file}: {one_line(error)}") from None
    if not isinstance(content, dict) or not isinstance(content.get("model_type"), str):
        raise UserError(f"{file} names no model_type: it is not a transformers configuration")
    for name in _DEPTHS:
        if isinstance(depth := content.get(name), int) and depth > MOST_LAYERS:
            raise UserError(f"{file}: {name} is {depth:,}; no more than {MOST_LAYERS:,} layers are loaded")
    return content


def require_tokenizer(folder: Path) -> None:
    if not any((folder / name).is_file() for name in (TOKENIZER, *VOCABULARIES)):
        raise UserError(
            f"checkpoint {folder} has no tokenizer (tokenizer.json or vocab.txt): save it beside the weights "
            "with tokenizer.save_pretrained"
        )
    require_plain_settings(folder)


def require_safetensors(folder: Path) -> None:
    require_plain_weights(folder)
    if (folder / "model.safetensors").is_file() or (folder / "model.safetensors.index.json").is_file():
        return
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickles:
        raise UserError(
            f"checkpoint {folder} holds its weights only as a pickle ({pickles[0]}), which can run code when "
            "opened: save it again with save_pretrained(..., safe_serialization=True)"
        )
    raise UserError(f"checkpoint {folder} has no model.safetensors: give the folder save_pretrained wrote")
