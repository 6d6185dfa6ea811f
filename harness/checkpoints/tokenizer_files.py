"""The fast tokenizer of a checkpoint folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from harness.checkpoints.first_look import require_tokenizer
from harness.errors import UserError

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
)


def write_tokenizer(source: Path, destination: Path) -> int:
    """Write the fast tokenizer of ``source`` to ``destination``; a slow one is converted.

    Truncation and padding that some tokenizer.json switch on are left out: whoever encodes sets them.
    Returns its number of tokens. Raises `UserError` when there is none, or none that can be read.
    """
    from transformers import AutoTokenizer

    require_tokenizer(source)
    try:
        auto: Any = AutoTokenizer
        tokenizer = auto.from_pretrained(source, use_fast=True, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its parsers raise
        line = " ".join(str(error).split())[:200]
        raise UserError(f"cannot read the tokenizer of checkpoint {source}: {line}") from None
    if not tokenizer.is_fast:
        raise UserError(f"the tokenizer of checkpoint {source} has no fast form (tokenizer.json): convert it first")
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(destination)
    return len(tokenizer)


def copy_tokenizer(source: Path, destination: Path) -> None:
    """Copy the tokenizer of one materialised checkpoint folder to another."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, destination / name)
