"""``onnx-prebuilt``: an ONNX file that somebody else made, taken as it is as far as it can be.

What it needs to be an artifact is found in its graph, or declared; what is missing is added to the graph, and
everything that was added or found is in the manifest. A file that lacks nothing is copied byte for byte.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporters.checkpoint import check_task
from exporters.errors import ExportError
from exporters.files import TOKENIZER, TOKENIZER_SETTINGS, describe_files, require
from exporters.format import Format
from exporters.manifest import Manifest, library_versions, write_manifest
from exporters.onnx.graph import MODEL, REPRESENTATION, non_standard_operators, opset, tensor_of
from exporters.onnx.graph_facts import GraphFacts, graph_facts, tensor_shapes
from exporters.onnx.metadata import check_metadata, read_metadata
from exporters.pooling import check_pooling
from exporters.prebuilt.files import copy_prebuilt, prebuilt_digests, read_prebuilt, weight_files
from exporters.prebuilt.graph import adapt, check_inputs, fed_inputs, name_inputs
from exporters.prebuilt.outputs import TensorSource, find_logits, find_representation
from exporters.tasks import TASKS, Activation

if TYPE_CHECKING:
    from onnx import ModelProto

FORMAT = Format(
    "onnx-prebuilt",
    family="onnx",
    precision=None,
    arithmetic="as found in its graph",
    summary="an ONNX file of your own, given as a model's `artifact`",
)


@dataclass(frozen=True)
class DeclaredMetadata:
    """What a person says about a file, or the ``config.json`` beside it, that the file itself does not."""

    logits: str | None = None
    start_logits: str | None = None
    end_logits: str | None = None
    input_ids: str | None = None
    attention_mask: str | None = None
    token_type_ids: str | None = None
    position_ids: str | None = None
    representation: str | None = None
    """The name of a tensor, or "none" to leave the representation out."""
    precision: str | None = None
    first_position: int | None = None
    """The position id of a text's first token; asked for only where ``position_ids`` are an input."""
    max_positions: int | None = None
    activation: Activation | None = None
    """Of a head with one output."""
    pad_token: int = 0


@dataclass(frozen=True)
class PrebuiltModel:
    """What is seen of a file without running it."""

    path: Path
    digests: dict[str, str]
    """SHA-256 by name: ``model.onnx``, and the files of weights beside it."""
    logits: dict[str, str]
    representation: TensorSource | None
    hidden: int | None
    facts: GraphFacts
    metadata: dict[str, str]
    """What `exporters.onnx.metadata` wrote into it; empty for a file of other origin."""


def look_at(path: Path, *, task: str, labels: Sequence[str], pooling: str, declared: DeclaredMetadata) -> PrebuiltModel:
    """Check all of ``path`` that can be checked without running it, and hash it.

    ``labels`` are the study's, empty where there are no classes. Raises `ExportError`: see `read_prebuilt`,
    `weight_files`, `name_inputs`, `check_inputs`, `find_logits`, `find_representation`.
    """
    with _as_export_error(path):
        model = read_prebuilt(path)
        digests = prebuilt_digests(path, weight_files(model, path))
        name_inputs(model, dataclasses.asdict(declared), path)
        return _look(model, path, digests, task=task, labels=labels, pooling=pooling, declared=declared)


def export_prebuilt(
    path: Path,
    destination: Path,
    *,
    task: str,
    labels: Sequence[str],
    pooling: str,
    declared: DeclaredMetadata,
    digests: Mapping[str, str],
) -> Manifest:
    """Write the artifact of the file at ``path`` into ``destination``, which holds its ``tokenizer.json`` already.

    ``digests`` are those of an earlier `look_at`, which the files must still have. The manifest lacks what only a
    run can tell: `with_run_facts` adds it. Raises `ExportError`.
    """
    require(destination, TOKENIZER, "write the tokenizer there first")
    with _as_export_error(path):
        model = read_prebuilt(path)
        weight_files(model, path)
        copy_prebuilt(path, destination, digests)
        changes = name_inputs(model, dataclasses.asdict(declared), path)
        prebuilt_model = _look(model, path, dict(digests), task=task, labels=labels, pooling=pooling, declared=declared)
        changes += adapt(model, prebuilt_model.logits, prebuilt_model.representation, pooling, declared.first_position)
    if changes:
        _replace(model, destination)
    manifest = Manifest(
        format=FORMAT.name,
        task=task,
        precision=declared.precision or prebuilt_model.facts.precision,
        architecture=None,
        layers=prebuilt_model.facts.layers,
        hidden=prebuilt_model.hidden,
        labels=list(labels) or None,
        activation=declared.activation,
        pooling=pooling,
        max_positions=declared.max_positions,
        pad_token=declared.pad_token,
        inputs=[tensor_of(value) for value in fed_inputs(model.graph)],
        outputs=[tensor_of(value) for value in model.graph.output],
        files=describe_files(destination, (*prebuilt_model.digests, TOKENIZER, TOKENIZER_SETTINGS)),
        source={"onnx_sha256": _together(prebuilt_model.digests)},
        parameters=prebuilt_model.facts.parameters,
        opset=opset(model),
        fused_operators=non_standard_operators(model),
        found={
            "weights": prebuilt_model.facts.weights,
            "quantization": prebuilt_model.facts.quantization,
            "vocabulary": prebuilt_model.facts.vocabulary,
            "representation": None if prebuilt_model.representation is None else prebuilt_model.representation.how,
            "changes": changes,
        },
        versions=library_versions(),
    )
    write_manifest(destination, manifest)
    return manifest


def check_outputs(
    outputs: Mapping[str, NDArray[Any]], batch: Mapping[str, NDArray[Any]], *, task: str, labels: int, where: Path
) -> None:
    """Raise `ExportError` unless ``outputs``, over a padded ``batch``, have the shapes that ``task`` asks for."""
    rows, length = np.shape(batch["input_ids"])
    sizes = {"sequence_length": length, "labels": labels}
    for name, axes in TASKS[task].outputs.items():
        wanted = (rows, *(sizes[axis] for axis in axes))
        if np.shape(outputs[name]) != wanted:
            raise ExportError(
                f"{name} of {where} is {np.shape(outputs[name])} for {rows} texts of {length} tokens, should be "
                f"{wanted}: name another output, with {name}: NAME"
            )
    if REPRESENTATION in outputs and (np.ndim(outputs[REPRESENTATION]) != 2 or len(outputs[REPRESENTATION]) != rows):
        raise ExportError(
            f"the representation of {where} is {np.shape(outputs[REPRESENTATION])} for {rows} texts, should be "
            f"({rows}, hidden): name another tensor, with representation: NAME"
        )


def with_run_facts(manifest: Manifest, outputs: Mapping[str, NDArray[Any]]) -> Manifest:
    """``manifest`` with what a run declared: the width of the representation."""
    if REPRESENTATION not in outputs:
        return manifest
    return dataclasses.replace(manifest, hidden=int(np.shape(outputs[REPRESENTATION])[1]))


def _look(
    model: ModelProto,
    path: Path,
    digests: dict[str, str],
    *,
    task: str,
    labels: Sequence[str],
    pooling: str,
    declared: DeclaredMetadata,
) -> PrebuiltModel:
    check_task(task)
    check_pooling(pooling)
    check_inputs(model, path, declared.first_position)
    shapes = tensor_shapes(model)
    logits = find_logits(model.graph, task, dataclasses.asdict(declared), shapes, len(labels), path)
    representation = find_representation(model.graph, declared.representation, logits, shapes, path)
    metadata = read_metadata(model)
    pooled = representation is not None and representation.tensor == REPRESENTATION and representation.pooled
    check_metadata(metadata, path, task=task, labels=labels, pooling=pooling if pooled else None)
    hidden = None if representation is None else shapes.get(representation.tensor, (None,))[-1]
    return PrebuiltModel(path, digests, logits, representation, hidden, graph_facts(model), metadata)


@contextmanager
def _as_export_error(path: Path) -> Iterator[None]:
    """Say in one line what a graph whose bytes were changed leads to: names that are no text, unknown types, ..."""
    try:
        yield
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ExportError(
            f"{path} is damaged ({type(error).__name__} in its graph): copy or export it again"
        ) from error


def _replace(model: ModelProto, folder: Path) -> None:
    """Write the changed graph over the copy; weights in other files stay in them."""
    partial = folder / f"{MODEL}.partial"
    partial.write_bytes(model.SerializeToString(deterministic=True))
    partial.replace(folder / MODEL)


def _together(digests: Mapping[str, str]) -> str:
    if set(digests) == {MODEL}:
        return digests[MODEL]
    return hashlib.sha256(
        "".join(f"{name}\0{digest}\n" for name, digest in sorted(digests.items())).encode()
    ).hexdigest()
