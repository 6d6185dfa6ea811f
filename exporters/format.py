"""The definition of a format: its facts, and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from exporters.errors import ExportError

Batches = Sequence[Mapping[str, NDArray[np.int64]]]
Family = Literal["torch", "onnx", "tensorrt"]
Precision = Literal["fp32", "fp16", "bf16", "fp8", "int8", "int4"]

QUANTIZED: tuple[Precision, ...] = ("fp8", "int8", "int4")


@dataclass(frozen=True)
class Job:
    """The arguments of `exporters.artifact.export`, for the writer of one format."""

    source: Path
    destination: Path
    task: str
    pooling: str
    calibration: Batches | None
    calibration_method: str


def not_exported(job: Job) -> Mapping[str, Any]:
    """The writer of a format of finished files."""
    raise ExportError("nothing is exported to a format of finished files: they are found")


@dataclass(frozen=True)
class Format:
    """One format that an artifact can have."""

    name: str
    family: Family
    """Whose files these are: what reads them."""
    precision: Precision | None
    """The coarsest type of its numbers; None: each file has its own."""
    arithmetic: str
    """The types of its parts, as the manifest states them."""
    summary: str
    """A line for those who choose one."""
    write: Callable[[Job], Mapping[str, Any]] = not_exported
    """Writes the files, and returns what only the writer knows: fields of the manifest by name."""
    parent: str | None = None
    """The format that it is converted from; None: from the checkpoint."""
    scales_at_run_time: bool = False
    """Whether every call scales its activations by their own values, so that outputs depend on the batch."""
    isa_dependent: bool = False
    """Whether its bytes depend on the instruction set of the CPU that exports it."""
    needs_calibration: bool = False
    calibration_methods: tuple[str, ...] = ()
    """Of `exporters.quantization.calibration.METHODS`, where it needs calibration."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why it is not made of an architecture, by the ``model_type`` of `transformers`: `exporters.formats.refused`."""
    packages: tuple[str, ...] = ()
    """Distributions of the extra ``modelopt`` that the writer needs."""

    @property
    def quantized(self) -> bool:
        return self.precision in QUANTIZED

    @property
    def short(self) -> str:
        """The name in reports, where ONNX is the family unless another is named."""
        return self.name.removeprefix("onnx-")

    def missing(self) -> str | None:
        """The first of `packages` that is not installed, with the way to get it; None: nothing is missing."""
        for package in self.packages:
            try:
                metadata.version(package)
            except metadata.PackageNotFoundError:
                return f"the package {package!r} is not installed; install it with: pip install -e '.[modelopt]'"
        return None
