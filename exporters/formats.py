"""The formats an artifact can have, and the one function that makes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters import (
    calibration,
    onnx_bf16,
    onnx_fp16,
    onnx_fp32,
    onnx_fused,
    onnx_int4,
    onnx_int8_dynamic,
    onnx_int8_static,
    onnx_packed,
    tensorrt_engine,
    torch_fp32,
)
from exporters.checkpoint import FILES, CheckpointFacts, check_task, read_checkpoint
from exporters.errors import ExportError
from exporters.files import describe_files, require, sha256
from exporters.instruction_set import instruction_set
from exporters.manifest import Manifest, Tensor, library_versions, read_manifest, verify_files, write_manifest
from exporters.metadata import set_metadata
from exporters.onnx_graph import EXTERNAL, INPUTS, MODEL, OUTPUTS, REPRESENTATION
from exporters.own_engine import FORMAT as OWN_ENGINE_FORMAT
from exporters.own_onnx import FORMAT as OWN_FORMAT
from exporters.pooling import check_pooling

Batches = Sequence[Mapping[str, NDArray[np.int64]]]


@dataclass(frozen=True)
class Job:
    """The arguments of `export`, for the writer of one format."""

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


def _calibrated(name: str, job: Job, *, signed: bool) -> dict[str, Any]:
    method = job.calibration_method
    batches = calibration.check(name, job.calibration, method)
    sensitivity = onnx_int8_static.write(job.source, job.destination, batches, method=method, signed=signed)
    return {"sensitivity": sensitivity, "calibration": calibration.describe(batches, method)}


def _tensorrt(job: Job) -> Mapping[str, Any]:
    parent = read_manifest(job.source)
    if parent.max_positions is None:
        raise ExportError(f"{job.source} does not say how long its inputs may be: export it again")
    inputs = [tensor.name for tensor in parent.inputs]
    return tensorrt_engine.write(job.source, job.destination, inputs=inputs, longest=parent.max_positions)


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
            precision="int8 weights, int8 activations, symmetric",
            summary="a TensorRT engine of the types of onnx-int8-tensorrt",
            write=_tensorrt,
        ),
    )
}
"""Those that `export` makes of a checkpoint: a new one is an entry here and its writer above."""

OWN = Format(
    OWN_FORMAT,
    parent=None,
    precision="as found in its graph",
    summary="an ONNX file of your own, given as a model's `artifact`",
    write=_nothing,
)
"""What nothing is exported to, see `exporters.own_onnx`."""

OWN_ENGINE = Format(
    OWN_ENGINE_FORMAT,
    parent=None,
    precision="as built",
    summary="a TensorRT engine of your own, likewise",
    write=_nothing,
)
"""As `OWN`, see `exporters.own_engine`."""


def export(
    format: str,
    source: Path,
    destination: Path,
    *,
    task: str,
    pooling: str,
    calibration: Batches | None = None,
    calibration_method: str = "min-max",
) -> Manifest:
    """Write the artifact of ``format`` into ``destination``, an empty folder, and return its manifest.

    ``source`` is a checkpoint folder, or for a format with a parent that parent's artifact folder.
    ``pooling`` ("cls" or "mean") makes the representation. ``calibration`` are padded batches of int64
    (batch, sequence) arrays by input name, for a format that needs them; they should mix lengths, so that the
    measured ranges hold for padded tokens too. ``calibration_method`` is one of `exporters.calibration.METHODS`.

    The files are a function of the source, the options and the library versions: the same again gives the
    same bytes (for INT8, on a CPU of the same kind). Raises `ExportError` for everything that a caller can
    mend; what ``destination`` holds then is not an artifact, as it has no manifest.
    """
    chosen = FORMATS.get(format)
    if chosen is None:
        raise ExportError(f"format {format!r} is not known: use one of {', '.join(FORMATS)}")
    check_task(task)
    check_pooling(pooling)
    if not destination.is_dir() or any(destination.iterdir()):
        raise ExportError(f"{destination} is not an empty folder: an artifact is written into one of its own")
    job = Job(source, destination, task, pooling, calibration, calibration_method)
    described = _from_checkpoint(chosen, job) if chosen.parent is None else _from_parent(chosen, job)
    written = dataclasses.replace(described, **chosen.write(job))
    manifest = _complete(destination, written)
    write_manifest(destination, manifest)
    return manifest


def _from_checkpoint(chosen: Format, job: Job) -> Manifest:
    facts = read_checkpoint(job.source, task=job.task)
    return Manifest(
        format=chosen.name,
        task=job.task,
        precision=chosen.precision,
        architecture=facts.architecture,
        layers=facts.layers,
        hidden=facts.hidden,
        labels=facts.labels,
        pooling=job.pooling,
        max_positions=facts.max_positions,
        inputs=_torch_inputs(facts),
        outputs=_torch_outputs(facts, job.task),
        files={},
        source={"checkpoint_sha256": facts.digest},
        parameters=facts.parameters,
        versions=library_versions(),
    )


def _from_parent(chosen: Format, job: Job) -> Manifest:
    parent = read_manifest(job.source)
    for what, wanted, found in (
        ("format", chosen.parent, parent.format),
        ("task", job.task, parent.task),
        ("pooling", job.pooling, parent.pooling),
    ):
        if wanted != found:
            raise ExportError(f"{job.source} has {what} {found!r}, needed is {wanted!r}: export the parent so")
    verify_files(job.source, parent)
    require(job.source, "tokenizer.json", "export the artifact again")
    from exporters.onnx_graph import check_interface, read_model

    check_interface(read_model(job.source, weights=False), task=job.task, where=job.source)
    return dataclasses.replace(
        parent,
        format=chosen.name,
        precision=chosen.precision,
        source={
            "checkpoint_sha256": parent.source["checkpoint_sha256"],
            "parent": parent.format,
            "parent_sha256": parent.files[MODEL]["sha256"],
        },
        versions=library_versions(),
    )


def _complete(destination: Path, manifest: Manifest) -> Manifest:
    """Add what only the written files tell: their digests, and an ONNX graph's interface. The graph gets metadata."""
    graph: dict[str, Any] = {}
    if (destination / MODEL).is_file():
        from exporters.onnx_graph import check_interface, interface, non_standard_operators, opset, read_model

        model = read_model(destination, weights=False)
        check_interface(model, task=manifest.task, where=destination)
        inputs, outputs = interface(model)
        graph = {
            "inputs": inputs,
            "outputs": outputs,
            "opset": opset(model),
            "fused_operators": non_standard_operators(model),
        }
        set_metadata(model, manifest, tokenizer_sha256=sha256(destination / "tokenizer.json"))
        (destination / MODEL).write_bytes(model.SerializeToString(deterministic=True))
    files = describe_files(destination, (MODEL, EXTERNAL, tensorrt_engine.ENGINE, *FILES))
    return dataclasses.replace(manifest, files=files, **graph)


def _torch_inputs(facts: CheckpointFacts) -> list[Tensor]:
    names = [*INPUTS, *([] if facts.architecture == "distilbert" else ["token_type_ids"])]
    return [Tensor(name, "int64", ["batch_size", "sequence_length"]) for name in names]


def _torch_outputs(facts: CheckpointFacts, task: str) -> list[Tensor]:
    last: int | str = "sequence_length" if facts.labels is None else len(facts.labels)
    logits = [Tensor(name, "float32", ["batch_size", last]) for name in OUTPUTS[task]]
    return [*logits, Tensor(REPRESENTATION, "float32", ["batch_size", facts.hidden])]
