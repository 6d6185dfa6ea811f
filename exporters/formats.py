"""The registry of formats: one line for each, in the order of every list and report."""

from __future__ import annotations

from exporters import torch_fp32
from exporters.format import Format
from exporters.onnx import bf16, fp16, fp32, fused, fused_fp16, packed
from exporters.prebuilt import engine as prebuilt_engine
from exporters.prebuilt import onnx as prebuilt_onnx
from exporters.quantization import int4, int8_dynamic, int8_static, modelopt
from exporters.tensorrt import formats as tensorrt

FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        torch_fp32.FORMAT,
        fp32.FORMAT,
        fused.FORMAT,
        packed.FORMAT,
        fp16.FORMAT,
        fused_fp16.FUSED,
        fused_fp16.PACKED,
        bf16.FORMAT,
        int8_dynamic.FORMAT,
        int8_static.FORMAT,
        int8_static.FOR_TENSORRT,
        modelopt.INT8,
        modelopt.FP8,
        int4.FORMAT,
        tensorrt.FP32,
        tensorrt.FP16,
        tensorrt.INT8,
        tensorrt.INT8_MODELOPT,
        tensorrt.FP8,
    )
}
"""Those that `exporters.artifact.export` makes of a checkpoint."""

ALL: dict[str, Format] = {
    **FORMATS,
    prebuilt_onnx.FORMAT.name: prebuilt_onnx.FORMAT,
    prebuilt_engine.FORMAT.name: prebuilt_engine.FORMAT,
}
"""With those of finished files, which are found and not exported."""


def lineage(format: str) -> tuple[Format, ...]:
    """The format, the one that it is converted from, and so on up to the one that is made of the checkpoint."""
    chosen = FORMATS[format]
    return (chosen,) if chosen.parent is None else (chosen, *lineage(chosen.parent))


def refused(format: str, architecture: str) -> str | None:
    """Why the format, or one that it is made from, is not made of an architecture (a ``model_type``); None: it is."""
    return next((step.refused[architecture] for step in lineage(format) if architecture in step.refused), None)
