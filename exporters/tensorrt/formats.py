"""``tensorrt-*``: engines of ONNX artifacts, made on the machine with the GPU."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.errors import ExportError
from exporters.format import Format, Job
from exporters.manifest import read_manifest
from exporters.onnx import fp16
from exporters.tensorrt import engine


def _export(job: Job) -> Mapping[str, Any]:
    return _engine(job, job.source)


def _export_quantized(job: Job) -> Mapping[str, Any]:
    """Of the parent in half precision: in float32, what is not quantized would be slower than in tensorrt-fp16."""
    with tempfile.TemporaryDirectory(dir=job.destination, prefix=".export-") as scratch:
        rounding = fp16.write(job.source, Path(scratch))
        fields = _engine(job, Path(scratch))
    warnings = [*read_manifest(job.source).warnings, *rounding.warnings()]
    return {**fields, "rounding": dataclasses.asdict(rounding), "warnings": warnings}


def _export_fp8(job: Job) -> Mapping[str, Any]:
    if (reason := engine.without_fp8()) is not None:
        raise ExportError(f"TensorRT cannot build an engine: {reason}")
    return _export_quantized(job)


def _engine(job: Job, graph: Path) -> dict[str, Any]:
    """The engine of the ONNX file in ``graph``, which has the parent's interface."""
    parent = read_manifest(job.source)
    if parent.max_positions is None:
        raise ExportError(f"{job.source} does not say how long its inputs may be: export it again")
    inputs = [tensor.name for tensor in parent.inputs]
    return engine.write(graph, job.destination, inputs=inputs, longest=parent.max_positions)


FP32 = Format(
    "tensorrt-fp32",
    family="tensorrt",
    parent="onnx-fp32",
    precision="fp32",
    arithmetic="fp32, without TF32",
    summary="a TensorRT engine, made on the machine with the GPU",
    write=_export,
)
FP16 = Format(
    "tensorrt-fp16",
    family="tensorrt",
    parent="onnx-fp16",
    precision="fp16",
    arithmetic="fp16; LayerNorm, Softmax, mask and reductions fp32",
    summary="a TensorRT engine of the types of onnx-fp16",
    write=_export,
)
INT8 = Format(
    "tensorrt-int8",
    family="tensorrt",
    parent="onnx-int8-tensorrt",
    precision="int8",
    arithmetic="int8 weights, int8 activations, symmetric; the rest as in tensorrt-fp16",
    summary="a TensorRT engine of onnx-int8-tensorrt, with fp16 where that has fp32",
    write=_export_quantized,
)
INT8_MODELOPT = Format(
    "tensorrt-int8-modelopt",
    family="tensorrt",
    parent="onnx-int8-modelopt",
    precision="int8",
    arithmetic="int8 weights, int8 activations, symmetric; the rest as in tensorrt-fp16",
    summary="a TensorRT engine of onnx-int8-modelopt, likewise",
    write=_export_quantized,
)
FP8 = Format(
    "tensorrt-fp8",
    family="tensorrt",
    parent="onnx-fp8",
    precision="fp8",
    arithmetic="fp8 weights, fp8 activations (E4M3); the rest as in tensorrt-fp16",
    summary="a TensorRT engine of onnx-fp8, likewise; for GPUs since Ada and Hopper",
    write=_export_fp8,
)
