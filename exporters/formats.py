"""The formats an artifact can have, each with its writer; `exporters.export` calls it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from exporters import torch_fp32
from exporters.errors import ExportError
from exporters.manifest import library_versions, read_manifest
from exporters.onnx import bf16 as onnx_bf16
from exporters.onnx import fp16 as onnx_fp16
from exporters.onnx import fp32 as onnx_fp32
from exporters.onnx import fused as onnx_fused
from exporters.onnx import packed as onnx_packed
from exporters.prebuilt.engine import FORMAT as OWN_ENGINE_FORMAT
from exporters.prebuilt.onnx import FORMAT as OWN_FORMAT
from exporters.quantization import calibration
from exporters.quantization import int4 as onnx_int4
from exporters.quantization import int8_dynamic as onnx_int8_dynamic
from exporters.quantization import int8_static as onnx_int8_static
from exporters.quantization import modelopt as onnx_modelopt
from exporters.quantization.instruction_set import instruction_set
from exporters.tensorrt import engine as tensorrt_engine

Batches = Sequence[Mapping[str, NDArray[np.int64]]]


@dataclass(frozen=True)
class Job:
    """The arguments of `exporters.export.export`, for the writer of one format."""

    source: Path
    destination: Path
    task: str
    pooling: str
    calibration: Batches | None
    calibration_method: str


@dataclass(frozen=True)
class Format:
    """One format. ``parent`` is the format it is converted from; None: from the checkpoint."""

    name: str
    parent: str | None
    precision: str
    summary: str
    write: Callable[[Job], Mapping[str, Any]]
    """Writes the files, and returns what only the writer knows: fields of the manifest by name."""
    needs_calibration: bool = False
    calibration_methods: tuple[str, ...] = calibration.METHODS
    packages: tuple[str, ...] = ()
    """Distributions of the extra ``modelopt`` that the writer needs."""

    def missing(self) -> str | None:
        """The first of `packages` that is not installed, with the way to get it; None: nothing is missing."""
        for package in self.packages:
            try:
                metadata.version(package)
            except metadata.PackageNotFoundError:
                return f"the package {package!r} is not installed; install it with: pip install -e '.[modelopt]'"
        return None


def _torch_fp32(job: Job) -> Mapping[str, Any]:
    torch_fp32.write(job.source, job.destination)
    return {}


def _onnx_fp32(job: Job) -> Mapping[str, Any]:
    onnx_fp32.write(job.source, job.destination, task=job.task, pooling=job.pooling)
    return {}


def _onnx_fused(job: Job) -> Mapping[str, Any]:
    parent = read_manifest(job.source)
    if parent.layers is None or parent.hidden is None:
        raise ExportError(f"{job.source} does not say how many layers it has, and how wide: export it again")
    missing = onnx_fused.write(job.source, job.destination, layers=parent.layers, hidden=parent.hidden)
    return {"warnings": onnx_fused.warnings(missing, parent.layers)}


def _onnx_packed(job: Job) -> Mapping[str, Any]:
    layers = read_manifest(job.source).layers
    if layers is None:
        raise ExportError(f"{job.source} does not say how many layers it has: export it again")
    onnx_packed.write(job.source, job.destination, layers=layers)
    return {}


def _onnx_fp16(job: Job) -> Mapping[str, Any]:
    rounding = onnx_fp16.write(job.source, job.destination)
    return {"rounding": dataclasses.asdict(rounding), "warnings": rounding.warnings()}


def _onnx_bf16(job: Job) -> Mapping[str, Any]:
    onnx_bf16.write(job.source, job.destination)
    return {}


def _onnx_int4(job: Job) -> Mapping[str, Any]:
    onnx_int4.write(job.source, job.destination)
    return {}


def _onnx_int8_dynamic(job: Job) -> Mapping[str, Any]:
    onnx_int8_dynamic.write(job.source, job.destination)
    return {"isa": instruction_set()}


def _onnx_int8_static(job: Job) -> Mapping[str, Any]:
    return {**_calibrated("onnx-int8-static", job, signed=False), "isa": instruction_set()}


def _onnx_int8_tensorrt(job: Job) -> Mapping[str, Any]:
    return _calibrated("onnx-int8-tensorrt", job, signed=True)


def _onnx_fp8(job: Job) -> Mapping[str, Any]:
    return _by_modelopt("onnx-fp8", job, mode="fp8")


def _onnx_int8_modelopt(job: Job) -> Mapping[str, Any]:
    return _by_modelopt("onnx-int8-modelopt", job, mode="int8")


def _by_modelopt(name: str, job: Job, *, mode: Literal["fp8", "int8"]) -> Mapping[str, Any]:
    method = job.calibration_method
    batches = calibration.check(name, job.calibration, method, onnx_modelopt.CALIBRATION_METHODS)
    found = onnx_modelopt.write(job.source, job.destination, batches, mode=mode)
    return {
        **found,
        "calibration": calibration.describe(batches, method),
        "warnings": calibration.warnings(batches),
        "versions": {
            **library_versions(),
            **{package: metadata.version(package) for package in FORMATS[name].packages},
        },
    }


def _calibrated(name: str, job: Job, *, signed: bool) -> dict[str, Any]:
    method = job.calibration_method
    batches = calibration.check(name, job.calibration, method)
    sensitivity = onnx_int8_static.write(job.source, job.destination, batches, method=method, signed=signed)
    return {
        "sensitivity": sensitivity,
        "calibration": calibration.describe(batches, method),
        "warnings": calibration.warnings(batches),
    }


def _tensorrt(job: Job) -> Mapping[str, Any]:
    return _engine(job, job.source)


def _tensorrt_fp8(job: Job) -> Mapping[str, Any]:
    if (reason := tensorrt_engine.without_fp8()) is not None:
        raise ExportError(f"TensorRT cannot build an engine: {reason}")
    return _tensorrt_quantized(job)


def _tensorrt_quantized(job: Job) -> Mapping[str, Any]:
    """Of the parent in half precision: in float32, what is not quantized would be slower than in tensorrt-fp16."""
    with tempfile.TemporaryDirectory(dir=job.destination, prefix=".export-") as scratch:
        rounding = onnx_fp16.write(job.source, Path(scratch))
        told = _engine(job, Path(scratch))
    warnings = [*read_manifest(job.source).warnings, *rounding.warnings()]
    return {**told, "rounding": dataclasses.asdict(rounding), "warnings": warnings}


def _engine(job: Job, graph: Path) -> dict[str, Any]:
    """The engine of the ONNX file in ``graph``, which has the parent's interface."""
    parent = read_manifest(job.source)
    if parent.max_positions is None:
        raise ExportError(f"{job.source} does not say how long its inputs may be: export it again")
    inputs = [tensor.name for tensor in parent.inputs]
    return tensorrt_engine.write(graph, job.destination, inputs=inputs, longest=parent.max_positions)


def _nothing(job: Job) -> Mapping[str, Any]:
    raise ExportError("nothing is exported to a format of finished files: they are found")


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            "torch-fp32",
            parent=None,
            precision="fp32",
            summary="the checkpoint itself, run by PyTorch",
            write=_torch_fp32,
        ),
        Format(
            "onnx-fp32",
            parent=None,
            precision="fp32",
            summary="the exported graph, in standard ONNX operators",
            write=_onnx_fp32,
        ),
        Format(
            "onnx-fused",
            parent="onnx-fp32",
            precision="fp32",
            summary="the graph in ONNX Runtime's own fused operators, for ONNX Runtime alone",
            write=_onnx_fused,
        ),
        Format(
            "onnx-packed",
            parent="onnx-fused",
            precision="fp32",
            summary="the fused graph without padding, for ONNX Runtime with CUDA alone",
            write=_onnx_packed,
        ),
        Format(
            "onnx-fp16",
            parent="onnx-fp32",
            precision="fp16; LayerNorm, Softmax, mask and reductions fp32",
            summary="half-precision weights and products, for GPUs",
            write=_onnx_fp16,
        ),
        Format(
            "onnx-bf16",
            parent="onnx-fp32",
            precision="bf16; LayerNorm, Softmax, mask and reductions fp32",
            summary="bfloat16 weights and products, for OpenVINO and GPUs",
            write=_onnx_bf16,
        ),
        Format(
            "onnx-int8-dynamic",
            parent="onnx-fp32",
            precision="int8 weights, activations scaled at run time",
            summary="8-bit weights; every call scales its activations by their own range",
            write=_onnx_int8_dynamic,
        ),
        Format(
            "onnx-int8-static",
            parent="onnx-fp32",
            precision="int8 weights, int8 activations",
            summary="8-bit weights and activations (QDQ), calibrated on examples, for CPUs",
            write=_onnx_int8_static,
            needs_calibration=True,
        ),
        Format(
            "onnx-int8-tensorrt",
            parent="onnx-fp32",
            precision="int8 weights, int8 activations",
            summary="8-bit weights and symmetric 8-bit activations (QDQ), calibrated on examples, for TensorRT",
            write=_onnx_int8_tensorrt,
            needs_calibration=True,
        ),
        Format(
            "onnx-int8-modelopt",
            parent="onnx-fp32",
            precision="int8 weights, int8 activations",
            summary="the same as NVIDIA's ModelOpt does it, attention included; for TensorRT",
            write=_onnx_int8_modelopt,
            needs_calibration=True,
            calibration_methods=onnx_modelopt.CALIBRATION_METHODS,
            packages=onnx_modelopt.PACKAGES,
        ),
        Format(
            "onnx-fp8",
            parent="onnx-fp32",
            precision="fp8 weights, fp8 activations (E4M3)",
            summary="8-bit floats for weights and activations (QDQ), by NVIDIA's ModelOpt; for TensorRT",
            write=_onnx_fp8,
            needs_calibration=True,
            calibration_methods=onnx_modelopt.CALIBRATION_METHODS,
            packages=onnx_modelopt.PACKAGES,
        ),
        Format(
            "onnx-int4",
            parent="onnx-fp32",
            precision="int4 weights by blocks of 32, the rest fp32",
            summary="4-bit weights by blocks of one scale each (MatMulNBits), for CPUs",
            write=_onnx_int4,
        ),
        Format(
            "tensorrt-fp32",
            parent="onnx-fp32",
            precision="fp32, without TF32",
            summary="a TensorRT engine, made on the machine with the GPU",
            write=_tensorrt,
        ),
        Format(
            "tensorrt-fp16",
            parent="onnx-fp16",
            precision="fp16; LayerNorm, Softmax, mask and reductions fp32",
            summary="a TensorRT engine of the types of onnx-fp16",
            write=_tensorrt,
        ),
        Format(
            "tensorrt-int8",
            parent="onnx-int8-tensorrt",
            precision="int8 weights, int8 activations, symmetric; the rest as in tensorrt-fp16",
            summary="a TensorRT engine of onnx-int8-tensorrt, with fp16 where that has fp32",
            write=_tensorrt_quantized,
        ),
        Format(
            "tensorrt-int8-modelopt",
            parent="onnx-int8-modelopt",
            precision="int8 weights, int8 activations, symmetric; the rest as in tensorrt-fp16",
            summary="a TensorRT engine of onnx-int8-modelopt, likewise",
            write=_tensorrt_quantized,
        ),
        Format(
            "tensorrt-fp8",
            parent="onnx-fp8",
            precision="fp8 weights, fp8 activations (E4M3); the rest as in tensorrt-fp16",
            summary="a TensorRT engine of onnx-fp8, likewise; for GPUs since Ada and Hopper",
            write=_tensorrt_fp8,
        ),
    )
}
"""Those that `export` makes of a checkpoint: a new one is an entry here and its writer above."""


def lineage(format: str) -> tuple[Format, ...]:
    """The format, the one that it is converted from, and so on up to the one that is made of the checkpoint."""
    chosen = FORMATS[format]
    return (chosen,) if chosen.parent is None else (chosen, *lineage(chosen.parent))


OWN = Format(
    OWN_FORMAT,
    parent=None,
    precision="as found in its graph",
    summary="an ONNX file of your own, given as a model's `artifact`",
    write=_nothing,
)
"""What nothing is exported to, see `exporters.prebuilt.onnx`."""

OWN_ENGINE = Format(
    OWN_ENGINE_FORMAT,
    parent=None,
    precision="as built",
    summary="a TensorRT engine of your own, likewise",
    write=_nothing,
)
"""As `OWN`, see `exporters.prebuilt.engine`."""
