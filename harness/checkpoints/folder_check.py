"""Check of a checkpoint folder without loading it: enough to refuse a study before it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backends.errors import one_line
from exporters.files import CONFIG, TOKENIZER
from harness.checkpoints.named_files import require_plain_settings, require_plain_weights, shards
from harness.checkpoints.weight_files import INDEX, pickled, require_safe_torch, weights_name
from harness.errors import UserError

VOCABULARIES = ("vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "spm.model")
"""What a tokenizer of `transformers` is read from where it has no tokenizer.json."""
DEPTHS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")
"""What configurations call the number of layers."""
HEADS = ("num_attention_heads", "n_heads", "n_head")
"""And that of attention heads."""
MOST_LAYERS = 1_000
"""The weights are laid out by the configuration alone: a slip there would fill the memory first."""


def check_folder(folder: Path) -> None:
    """Raise `UserError` for a folder without a configuration, a tokenizer, or weights that can be loaded."""
    read_config(folder)
    require_tokenizer(folder)
    require_weights(folder)


def read_config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"checkpoint {folder} has no config.json: give the folder save_pretrained wrote") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {file}: {one_line(error)}") from None
    if not isinstance(content, dict) or not isinstance(content.get("model_type"), str):
        raise UserError(f"{file} names no model_type: it is not a transformers configuration")
    for name in DEPTHS:
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


def require_weights(folder: Path) -> str:
    """The `weights_name` of a folder. Raises `UserError` where it has none that can be loaded."""
    require_plain_weights(folder)
    name = weights_name({file.name for file in folder.iterdir()}, f"checkpoint {folder}")
    if pickled(name):
        require_safe_torch(folder / name)
    return name


def weight_files(folder: Path) -> list[Path]:
    """The files that are opened for the weights of ``folder``, the index left out. Raises `UserError` for none."""
    name = require_weights(folder)
    return [folder / shard for shard in shards(folder / name)] if name.endswith(INDEX) else [folder / name]
