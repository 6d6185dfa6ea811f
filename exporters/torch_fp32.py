"""``torch-fp32``: the checkpoint itself, with a manifest like every other artifact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.checkpoint import WEIGHTS
from exporters.files import CONFIG, copy_tokenizer, link_or_copy
from exporters.format import Format, Job


def write(checkpoint: Path, destination: Path) -> None:
    """Link (or copy) the configuration, weights and tokenizer of ``checkpoint`` into ``destination``."""
    for name in (CONFIG, WEIGHTS):
        link_or_copy(checkpoint / name, destination / name)
    copy_tokenizer(checkpoint, destination)


def _export(job: Job) -> Mapping[str, Any]:
    write(job.source, job.destination)
    return {}


FORMAT = Format(
    "torch-fp32",
    family="torch",
    precision="fp32",
    arithmetic="fp32",
    summary="the checkpoint itself, run by PyTorch",
    write=_export,
)
