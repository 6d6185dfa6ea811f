"""``torch-fp32``: the checkpoint itself, with a manifest like every other artifact."""

from __future__ import annotations

from pathlib import Path

from exporters.checkpoint import CONFIG, WEIGHTS
from exporters.files import copy_tokenizer, link_or_copy


def write(checkpoint: Path, destination: Path) -> None:
    """Link (or copy) the configuration, weights and tokenizer of ``checkpoint`` into ``destination``."""
    for name in (CONFIG, WEIGHTS):
        link_or_copy(checkpoint / name, destination / name)
    copy_tokenizer(checkpoint, destination)
