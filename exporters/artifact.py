"""The one function that makes artifacts: a checkpoint, or another artifact, becomes a folder with a manifest."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from exporters.checkpoint import FILES, CheckpointFacts, check_task, read_checkpoint
from exporters.embedding import read_pooling
from exporters.errors import ExportError, one_line
from exporters.files import EMBEDDING, TOKENIZER, TOKENIZER_SETTINGS, describe_files, require, sha256
from exporters.format import Batches, Format, Job
from exporters.formats import FORMATS, refused
from exporters.manifest import Manifest, Tensor, library_versions, read_manifest, verify_files, write_manifest
from exporters.onnx.graph import EXTERNAL, INPUTS, MODEL, REPRESENTATION
from exporters.onnx.metadata import set_metadata
from exporters.pooling import check_pooling
from exporters.scratch import written_beside
from exporters.tasks import TASKS
from exporters.tensorrt import engine as tensorrt_engine


def export(
    format: str,
    source: Path,
    destination: Path,
    *,
    task: str,
    pooling: str | None,
    calibration: Batches | None = None,
    calibration_method: str = "min-max",
) -> Manifest:
    """Write the artifact of ``format`` into ``destination``, an empty folder, and return its manifest.

    ``source`` is a checkpoint folder, or for a format with a parent that parent's artifact folder.
    ``pooling`` (one of `exporters.pooling.POOLINGS`) makes the representation; None: as the source itself says.
    ``calibration`` are padded batches of int64 (batch, sequence) arrays by input name, for a format that needs them;
    they should mix lengths, so that the measured ranges hold for padded tokens too. ``calibration_method`` is one of
    `exporters.quantization.calibration.METHODS`.

    The files are a function of the source, the options and the library versions: the same again gives the
    same bytes (for INT8, on a CPU of the same kind). Raises `ExportError` for everything that a caller can
    mend; ``destination`` is empty then, as after an interrupt or a kill: it is written beside it and renamed in.
    """
    chosen = FORMATS.get(format)
    if chosen is None:
        raise ExportError(f"format {format!r} is not known: use one of {', '.join(FORMATS)}")
    if (reason := chosen.missing()) is not None:
        raise ExportError(f"{format} cannot be exported: {reason}")
    check_task(task)
    if pooling is None:
        pooling = read_pooling(source) if chosen.parent is None else read_manifest(source).pooling
    check_pooling(pooling)
    if not destination.is_dir() or any(destination.iterdir()):
        raise ExportError(f"{destination} is not an empty folder: an artifact is written into one of its own")
    with written_beside(destination) as folder:
        job = Job(source, folder, task, pooling, calibration, calibration_method)
        described = _from_checkpoint(chosen, job) if chosen.parent is None else _from_parent(chosen, job)
        if (reason := refused(format, described.architecture or "")) is not None:
            raise ExportError(f"{format} is not made of {described.architecture}: {reason}")
        written = dataclasses.replace(described, **chosen.write(job))
        manifest = _complete(folder, written)
        write_manifest(folder, manifest)
    return manifest


def _from_checkpoint(chosen: Format, job: Job) -> Manifest:
    facts = read_checkpoint(job.source, task=job.task)
    return Manifest(
        format=chosen.name,
        task=job.task,
        precision=chosen.arithmetic,
        architecture=facts.architecture,
        layers=facts.layers,
        hidden=facts.hidden,
        labels=facts.labels,
        activation=facts.activation,
        pooling=job.pooling,
        max_positions=facts.max_positions,
        pad_token=facts.pad_token,
        inputs=_torch_inputs(facts),
        outputs=_torch_outputs(facts, job.task),
        files={},
        source={"checkpoint_sha256": facts.digest, **facts.origin},
        parameters=facts.parameters,
        versions=library_versions(),
    )


def _from_parent(chosen: Format, job: Job) -> Manifest:
    parent = read_manifest(job.source)
    for what, wanted, parent_value in (
        ("format", chosen.parent, parent.format),
        ("task", job.task, parent.task),
        ("pooling", job.pooling, parent.pooling),
    ):
        if wanted != parent_value:
            raise ExportError(f"{job.source} has {what} {parent_value!r}, needed is {wanted!r}: export the parent so")
    verify_files(job.source, parent)
    require(job.source, TOKENIZER, "export the artifact again")
    from exporters.onnx.graph import check_interface, read_model

    check_interface(read_model(job.source, weights=False), task=job.task, where=job.source)
    return dataclasses.replace(
        parent,
        format=chosen.name,
        precision=chosen.arithmetic,
        source={**parent.source, "parent": parent.format, "parent_sha256": parent.files[MODEL]["sha256"]},
        versions=library_versions(),
    )


def _complete(destination: Path, manifest: Manifest) -> Manifest:
    """Add what only the written files tell: their digests, and an ONNX graph's interface. The graph gets metadata."""
    graph: dict[str, Any] = {}
    if (destination / MODEL).is_file():
        from exporters.onnx.graph import check_interface, interface, non_standard_operators, opset, read_model

        model = read_model(destination, weights=False)
        check_interface(model, task=manifest.task, where=destination)
        inputs, outputs = interface(model)
        graph = {
            "inputs": inputs,
            "outputs": outputs,
            "opset": opset(model),
            "fused_operators": non_standard_operators(model),
        }
        set_metadata(model, manifest, tokenizer_sha256=sha256(destination / TOKENIZER))
        (destination / MODEL).write_bytes(model.SerializeToString(deterministic=True))
        del model
        require_loadable(destination / MODEL, manifest.format)
    files = describe_files(
        destination, (MODEL, EXTERNAL, tensorrt_engine.ENGINE, *FILES, TOKENIZER_SETTINGS, EMBEDDING)
    )
    return dataclasses.replace(manifest, files=files, **graph)


def _torch_inputs(facts: CheckpointFacts) -> list[Tensor]:
    names = [*INPUTS, *([] if facts.architecture == "distilbert" else ["token_type_ids"])]
    return [Tensor(name, "int64", ["batch_size", "sequence_length"]) for name in names]


def _torch_outputs(facts: CheckpointFacts, task: str) -> list[Tensor]:
    sizes: dict[str, int | str] = {} if facts.labels is None else {"labels": len(facts.labels)}
    logits = [
        Tensor(name, "float32", ["batch_size", *(sizes.get(axis, axis) for axis in axes)])
        for name, axes in TASKS[task].outputs.items()
    ]
    return [*logits, Tensor(REPRESENTATION, "float32", ["batch_size", facts.hidden])]


def require_loadable(path: Path, format: str) -> None:
    """Load ``path`` as it stands, without optimisation. Raises `ExportError` with what is wrong in its graph.

    An operator that has a kernel for GPUs alone, or for OpenVINO, is none: types and shapes are checked before kernels
    are looked for.
    """
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4  # what fails is raised
    try:
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except NoKernel:
        return
    except Exception as error:  # onnxruntime raises several kinds
        reason = one_line(str(error).rpartition("failed:")[2])
        raise ExportError(
            f"the graph of {format} does not load in ONNX Runtime ({reason}): use another format of this model"
        ) from error
