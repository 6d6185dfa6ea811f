"""Weights out of a pickle, by torch's unpickler that makes tensors and nothing else.

Most small BERTs of the hub exist as ``pytorch_model.bin`` alone. The process that opens one is a worker's, and what it
saves is safetensors: no later step sees the pickle.
"""

from __future__ import annotations

import pickle
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import save_file

from backends.errors import one_line
from exporters.files import CONFIG
from harness.checkpoints.folder_check import require_weights, weight_files
from harness.checkpoints.weight_files import SAFETENSORS, pickled
from harness.errors import UserError

_REMEDY = "if you trust whom they are from, save the weights again with save_pretrained(..., safe_serialization=True)"


@contextmanager
def as_safetensors(folder: Path) -> Iterator[Path]:
    """``folder``, or where its weights are a pickle another one for a while, with its configuration and safetensors.

    Raises `UserError` where it has no weights, or those of `read_pickled_weights` will not do.
    """
    if not pickled(require_weights(folder)):
        yield folder
        return
    with TemporaryDirectory() as temporary:
        converted = Path(temporary)
        shutil.copyfile(folder / CONFIG, converted / CONFIG)
        # Cloned: tied weights share their memory, and safetensors keep none that do.
        weights = {name: weight.clone().contiguous() for name, weight in read_pickled_weights(folder).items()}
        save_file(weights, converted / SAFETENSORS, metadata={"format": "pt"})
        del weights
        yield converted


def read_pickled_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of ``pytorch_model.bin``, or of the shards that its index names, by name.

    Raises `UserError` for what is damaged, or holds anything but tensors.
    """
    weights: dict[str, torch.Tensor] = {}
    for file in weight_files(folder):
        content = _unpickled(file)
        if not isinstance(content, dict):
            raise UserError(f"{file} holds a {type(content).__name__}, not tensors by name: {_REMEDY}")
        for name, value in content.items():
            if not isinstance(name, str) or not isinstance(value, torch.Tensor) or value.layout != torch.strided:
                raise UserError(f"{file} holds {str(name)[:80]!r}, a {type(value).__name__}, no tensor: {_REMEDY}")
            weights[name] = value
    return weights


def _unpickled(file: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError as error:
        if match := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise UserError(f"{file} holds {match[1][:80]}, no tensor, and is not unpickled: {_REMEDY}") from None
        reason = re.search(r"WeightsUnpickler error:\s*(.+)", str(error))
        raise UserError(f"{file} is not unpickled ({reason[1] if reason else one_line(error)}): {_REMEDY}") from None
    except (OSError, EOFError, RuntimeError, ValueError, AttributeError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"the weights in {file} are damaged ({one_line(error)}): copy them again") from None
