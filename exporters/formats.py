"""The formats an artifact can have, and the one function that makes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.checkpoint import FILES, CheckpointFacts, check_task, read_checkpoint
from exporters.errors import ExportError
from exporters.files import describe_files, require
from exporters.instruction_set import instruction_set
from exporters.manifest import Manifest, Tensor, library_versions, read_manifest, verify_files, write_manifest
from exporters.onnx_graph import EXTERNAL, INPUTS, MODEL, OUTPUTS, REPRESENTATION
from exporters.own_onnx import FORMAT as OWN_FORMAT
from exporters.pooling import check_pooling


@dataclass(frozen=True)
class Format:
    """One format. ``parent`` is the format it is converted from; None: from the checkpoint."""

    name: str
    parent: str | None
    needs_calibration: bool
    precision: str
    summary: str


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("torch-fp32", None, False, "fp32", "the checkpoint itself, run by PyTorch"),
        Format("onnx-fp32", None, False, "fp32", "the exported graph, in standard ONNX operators"),
        Format(
            "onnx-fp16",
            "onnx-fp32",
            False,
            "fp16; LayerNorm, Softmax, mask and reductions fp32",
            "half-precision weights and products, for GPUs",
        ),
        Format(
            "onnx-int8-dynamic",
            "onnx-fp32",
            False,
            "int8 weights, activations scaled at run time",
            "8-bit weights; every call scales its activations by their own range",
        ),
        Format(
            "onnx-int8-static",
            "onnx-fp32",
            True,
            "int8 weights, int8 activations",
            "8-bit weights and activations (QDQ), calibrated on examples, for CPUs",
        ),
        Format(
            "onnx-int8-tensorrt",
            "onnx-fp32",
            True,
            "int8 weights, int8 activations",
            "8-bit weights and symmetric 8-bit activations (QDQ), calibrated on examples, for TensorRT",
        ),
    )
}
"""Those that `export` makes of a checkpoint."""

OWN = Format(
    OWN_FORMAT, None, False, "as found in its graph", "an ONNX file of your own, given as a model's `artifact`"
)
"""The one that nothing is exported to, see `exporters.own_onnx`."""


def export(
    format: str,
    source: Path,
    destination: Path,
    *,
    task: str,
    pooling: str,
    calibration: Sequence[Mapping[str, NDArray[np.int64]]] | None = None,
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
    if chosen.parent is None:
        manifest = _from_checkpoint(chosen, source, destination, task, pooling)
    else:
        manifest = _from_parent(chosen, source, destination, task, pooling, calibration, calibration_method)
    write_manifest(destination, manifest)
    return manifest


def _from_checkpoint(chosen: Format, source: Path, destination: Path, task: str, pooling: str) -> Manifest:
    facts = read_checkpoint(source, task=task)
    if chosen.name == "torch-fp32":
        from exporters import torch_fp32

        torch_fp32.write(source, destination)
    else:
        from exporters import onnx_fp32

        onnx_fp32.write(source, destination, task=task, pooling=pooling)
    return _complete(
        destination,
        Manifest(
            format=chosen.name,
            task=task,
            precision=chosen.precision,
            architecture=facts.architecture,
            layers=facts.layers,
            hidden=facts.hidden,
            labels=facts.labels,
            pooling=pooling,
            max_positions=facts.max_positions,
            inputs=_torch_inputs(facts),
            outputs=_torch_outputs(facts, task),
            files={},
            source={"checkpoint_sha256": facts.digest},
            parameters=facts.parameters,
            versions=library_versions(),
        ),
    )


def _from_parent(
    chosen: Format,
    source: Path,
    destination: Path,
    task: str,
    pooling: str,
    calibration: Sequence[Mapping[str, NDArray[np.int64]]] | None,
    calibration_method: str,
) -> Manifest:
    parent = read_manifest(source)
    for what, wanted, found in (
        ("format", chosen.parent, parent.format),
        ("task", task, parent.task),
        ("pooling", pooling, parent.pooling),
    ):
        if wanted != found:
            raise ExportError(f"{source} has {what} {found!r}, needed is {wanted!r}: export the parent so")
    verify_files(source, parent)
    require(source, "tokenizer.json", "export the artifact again")
    from exporters.onnx_graph import check_interface, read_model

    check_interface(read_model(source, weights=False), task=task, where=source)
    record: dict[str, Any] = {}
    if chosen.name == "onnx-fp16":
        from exporters import onnx_fp16

        onnx_fp16.write(source, destination)
    elif chosen.name == "onnx-int8-dynamic":
        from exporters import onnx_int8_dynamic

        onnx_int8_dynamic.write(source, destination)
        record["isa"] = instruction_set()
    else:
        from exporters import calibration as calibrating
        from exporters import onnx_int8_static

        batches = calibrating.check(chosen.name, calibration, calibration_method)
        signed = chosen.name == "onnx-int8-tensorrt"
        record["sensitivity"] = onnx_int8_static.write(
            source, destination, batches, method=calibration_method, signed=signed
        )
        record["calibration"] = calibrating.describe(batches, calibration_method)
        record["isa"] = None if signed else instruction_set()
    return _complete(
        destination,
        dataclasses.replace(
            parent,
            format=chosen.name,
            precision=chosen.precision,
            source={
                "checkpoint_sha256": parent.source["checkpoint_sha256"],
                "parent": parent.format,
                "parent_sha256": parent.files[MODEL]["sha256"],
            },
            parity=None,
            versions=library_versions(),
            **record,
        ),
    )


def _complete(destination: Path, manifest: Manifest) -> Manifest:
    """Add what only the written files tell: their digests, and an ONNX graph's interface."""
    names = (MODEL, EXTERNAL, *FILES)
    described = dataclasses.replace(manifest, files=describe_files(destination, names))
    if not (destination / MODEL).is_file():
        return described
    from exporters.onnx_graph import check_interface, interface, non_standard_operators, opset, read_model

    model = read_model(destination, weights=False)
    check_interface(model, task=manifest.task, where=destination)
    inputs, outputs = interface(model)
    return dataclasses.replace(
        described,
        inputs=inputs,
        outputs=outputs,
        opset=opset(model),
        fused_operators=non_standard_operators(model),
    )


def _torch_inputs(facts: CheckpointFacts) -> list[Tensor]:
    names = [*INPUTS, *([] if facts.architecture == "distilbert" else ["token_type_ids"])]
    return [Tensor(name, "int64", ["batch_size", "sequence_length"]) for name in names]


def _torch_outputs(facts: CheckpointFacts, task: str) -> list[Tensor]:
    last: int | str = "sequence_length" if facts.labels is None else len(facts.labels)
    logits = [Tensor(name, "float32", ["batch_size", last]) for name in OUTPUTS[task]]
    return [*logits, Tensor(REPRESENTATION, "float32", ["batch_size", facts.hidden])]
