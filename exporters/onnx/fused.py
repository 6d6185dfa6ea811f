"""``onnx-fused``: the graph after ONNX Runtime's transformer optimiser, in ONNX Runtime's own operators."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.errors import ExportError
from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.manifest import read_manifest
from exporters.onnx.graph import encoder_matmuls, producers, read_model, write_model
from exporters.onnx.weights_aside import put_back, set_aside

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

PER_LAYER = {"Attention": 1, "BiasGelu": 1, "SkipLayerNormalization": 2}
ONCE = {"EmbedLayerNormalization": 1}
ALIKE = {"FastGelu": "BiasGelu"}
"""Operators that are counted as another one: GELU by tanh, as ALBERT has it."""

_OTHER_SCORES = "ONNX Runtime's optimiser fuses no attention with {}; use onnx-fp32, which its sessions optimise too"
UNFUSED = {
    "deberta": _OTHER_SCORES.format("scores of relative positions"),
    "deberta-v2": _OTHER_SCORES.format("scores of relative positions"),
    "mobilebert": _OTHER_SCORES.format("queries and values of unlike inputs"),
    "modernbert": _OTHER_SCORES.format("rotated queries and keys"),
    "mpnet": _OTHER_SCORES.format("a bias of relative positions"),
}
"""Seen with ONNX Runtime 1.31: no layer of these fuses (``tests/families``)."""


def write(parent: Path, destination: Path, *, layers: int, hidden: int) -> dict[str, int]:
    """Convert the ``onnx-fp32`` artifact ``parent``, an encoder of ``layers`` that is ``hidden`` wide.

    Returns the fused operators, by name, that are fewer than the layers ask for: how many of each are missing.
    Empty when everything fused. Raises `ExportError` when no attention did: the file would be FP32 by another name.
    """
    unread = _feed_forward(parent, hidden)
    model, data = set_aside(read_model(parent), lambda weight: weight.name in unread)
    _residual_last(model.graph)
    fused = _fuse(model)
    missing = _missing(fused, layers)
    if missing.get("Attention") == layers:
        raise ExportError(f"none of the {layers} layers of {parent} has an attention that fuses: use onnx-fp32")
    put_back(fused, data)
    write_model(fused, destination)
    copy_tokenizer(parent, destination)
    return missing


def warnings(missing: dict[str, int], layers: int) -> list[str]:
    """What `write` found missing, in words."""
    wanted = expected(layers)
    return [f"{wanted[name] - count} of {wanted[name]} {name} were fused" for name, count in missing.items()]


def expected(layers: int) -> dict[str, int]:
    """How many of each fused operator a BERT-like encoder of ``layers`` has."""
    return {**{name: count * layers for name, count in PER_LAYER.items()}, **ONCE}


def _fuse(model: ModelProto) -> ModelProto:
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_by_fusion

    options = FusionOptions("bert")
    # The mask as it is; the default turns it into lengths, which only holds for padding on the right.
    options.use_raw_attention_mask(True)
    options.enable_shape_inference = False  # every fusion would keep a copy of the model, and finds no more by it
    with quiet():
        fused = optimize_by_fusion(model, "bert", optimization_options=options)
        fused.topological_sort(is_deterministic=True)
    return fused.model  # type: ignore[no-any-return]


def _residual_last(graph: GraphProto) -> None:
    """Let sums before a LayerNormalization name the layer's result first and the residual second, as BERT's do.

    The optimiser looks for the attention behind the first of two sums: behind ALBERT's embeddings there is none.
    """
    producer = producers(graph)
    readers = Counter(name for node in graph.node for name in node.input)
    for node in graph.node:
        if node.op_type != "LayerNormalization":
            continue
        total = producer.get(node.input[0])
        if total is None or any(name not in producer or producer[name].op_type != "Add" for name in total.input):
            continue
        if readers[total.input[0]] > readers[total.input[1]] == 1:
            total.input[:] = reversed(total.input)


def _feed_forward(parent: Path, hidden: int) -> set[str]:
    """The largest weights, and the only ones whose values no fusion looks at."""
    graph = read_model(parent, weights=False).graph
    matmuls = set(encoder_matmuls(graph))
    factors = {node.input[1] for node in graph.node if node.name in matmuls}
    return {weight.name for weight in graph.initializer if weight.name in factors and prod(weight.dims) > hidden**2}


def _missing(model: ModelProto, layers: int) -> dict[str, int]:
    counts = Counter(ALIKE.get(node.op_type, node.op_type) for node in model.graph.node)
    short = {name: count - counts[name] for name, count in expected(layers).items()}
    return {name: count for name, count in short.items() if count > 0}


@contextmanager
def quiet() -> Iterator[None]:
    """Without the optimiser's account of every fusion: the counts are in the manifest."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)


def _export(job: Job) -> Mapping[str, Any]:
    parent = read_manifest(job.source)
    if parent.layers is None or parent.hidden is None:
        raise ExportError(f"{job.source} does not say how many layers it has, and how wide: export it again")
    missing = write(job.source, job.destination, layers=parent.layers, hidden=parent.hidden)
    return {"warnings": warnings(missing, parent.layers)}


FORMAT = Format(
    "onnx-fused",
    family="onnx",
    parent="onnx-fp32",
    precision="fp32",
    arithmetic="fp32",
    summary="the graph in ONNX Runtime's own fused operators, for ONNX Runtime alone",
    write=_export,
    refused=UNFUSED,
)
