"""``onnx-fused-fp16`` and ``onnx-packed-fp16``: the fused graphs in half precision, as a GPU serves them.

On CUDA, half precision alone shows nothing: casts around every reduction, and attention in five kernels. What is fast
there is attention in one kernel, which ONNX Runtime has in half precision, and for lengths instead of a mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.onnx.fp16 import Rounding, halve
from exporters.onnx.graph import read_model, write_model
from exporters.onnx.packed import give_lengths


def write(parent: Path, destination: Path) -> Rounding:
    """Convert the artifact ``parent``, ``onnx-fused`` or ``onnx-packed``, to half precision.

    Attention reads lengths: a mask with holes is not told from one without. Float32 stay the graph's outputs, mean
    pooling, and a task's reductions; the fused operators compute their sums in float32, where the provider is told to.
    """
    model = read_model(parent)
    give_lengths(model)
    half, rounding = halve(model)
    write_model(half, destination)
    copy_tokenizer(parent, destination)
    return rounding


def _export(job: Job) -> Mapping[str, Any]:
    rounding = write(job.source, job.destination)
    return {"rounding": asdict(rounding), "warnings": rounding.warnings()}


ARITHMETIC = "fp16; sums of LayerNorm and attention, and mean pooling, fp32"

FUSED = Format(
    "onnx-fused-fp16",
    family="onnx",
    parent="onnx-fused",
    precision="fp16",
    arithmetic=ARITHMETIC,
    summary="the fused graph in half precision, attention by lengths: for ONNX Runtime with CUDA",
    write=_export,
)
PACKED = Format(
    "onnx-packed-fp16",
    family="onnx",
    parent="onnx-packed",
    precision="fp16",
    arithmetic=ARITHMETIC,
    summary="the same without padding, for ONNX Runtime with CUDA alone",
    write=_export,
)
