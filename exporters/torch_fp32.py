"""``torch-fp32``: the checkpoint itself, with a manifest like every other artifact."""

from __future__ import annotations

from pathlib import Path

from exporters.checkpoint import FILES
from exporters.files import link_or_copy


def write(checkpoint: Path, destination: Path) -> None:
    """Link (or copy) the configuration, weights and tokenizer of ``checkpoint`` into ``destination``."""
    for name in FILES:
        link_or_copy(checkpoint / name, destination / name)
