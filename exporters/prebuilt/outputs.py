"""Logits and representation in somebody else's graph: its tensors, found by name, or told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.errors import ExportError
from exporters.onnx.graph import REPRESENTATION, producers
from exporters.onnx.graph_facts import Shape, constants
from exporters.tasks import TASKS

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

LAST_HIDDEN_STATE = "last_hidden_state"
UNCHANGED = frozenset(("Cast", "Dropout", "Identity"))
SOFTMAX = ("Softmax", "LogSoftmax")
LEFT_OUT = "none"
"""Given in place of a representation's name: the deployment has none."""

FUSED_NORMALISATIONS = frozenset(
    (
        "LayerNormalization",
        "RMSNormalization",
        "SimplifiedLayerNormalization",
        "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization",
    )
)


@dataclass(frozen=True)
class TensorSource:
    """A tensor of the graph that becomes the representation."""

    tensor: str
    pooled: bool
    """(batch, hidden) already; False: (batch, length, hidden), to be pooled."""
    how: str
    """In words, for the manifest."""


def find_logits(
    graph: GraphProto,
    task: str,
    declared_names: Mapping[str, str | None],
    shapes: Mapping[str, Shape],
    labels: int,
    where: Path,
) -> dict[str, str]:
    """``{our name: the graph's tensor}`` for the logits of ``task``; ``declared_names``: the outputs called otherwise.

    Of an output that a Softmax ends in (a Sigmoid, of a multi-label head), what goes into that: probabilities, taken
    for logits, would get a second one. Raises `ExportError` where there is none of the name, one of another rank or
    number of ``labels``, or one that the other of the two ends in.
    """
    logits = {}
    producer = producers(graph)
    there = [value.name for value in graph.output]
    for name, axes in TASKS[task].outputs.items():
        own = declared_names.get(name) or name
        if own not in there:
            raise ExportError(
                f"{where} has no output {own!r} (it has: {listed(there, shapes)}): say which one it is, "
                f"with {name}: NAME"
            )
        shape = shapes.get(own)
        wanted = f"(batch, {', '.join('length' if axis == 'sequence_length' else axis for axis in axes)})"
        if shape is not None and len(shape) != 1 + len(axes):
            raise ExportError(
                f"output {own!r} of {where} is {described(shape)}, should be {wanted}: name another, with {name}: NAME"
            )
        if shape is not None and TASKS[task].classifies and shape[-1] == 1 != labels:
            raise ExportError(
                f"output {own!r} of {where} is a single number, a regression or one sigmoid: {task} "
                "scores the softmax over two classes or more; give a model with such a head"
            )
        if shape is not None and TASKS[task].classifies and labels == 1 and shape[-1] not in (None, 1):
            raise ExportError(
                f"output {own!r} of {where} has {shape[-1]} classes, and a regression has one output: give a model "
                "with such a head"
            )
        if shape is not None and TASKS[task].classifies and shape[-1] not in (None, labels):
            raise ExportError(
                f"output {own!r} of {where} has {shape[-1]} classes, the study's labels are {labels}: name all of "
                "them, in the order of the model"
            )
        logits[name] = _before_probabilities(own, producer, labels, task, where)
    return logits


def _before_probabilities(output: str, producer: Mapping[str, NodeProto], labels: int, task: str, where: Path) -> str:
    """The input of the Softmax, or Sigmoid, that ``output`` comes from; ``output`` itself where there is none."""
    node = producer.get(output)
    while node is not None and node.op_type in UNCHANGED:
        node = producer.get(node.input[0])
    if node is not None and TASKS[task].multi_label:
        if node.op_type in SOFTMAX:
            raise ExportError(
                f"output {output!r} of {where} is a Softmax's, of which one class is right: {task} scores a "
                "sigmoid for each label; give a model with such a head, or use text-classification"
            )
        return node.input[0] if node.op_type == "Sigmoid" else output
    if node is not None and node.op_type == "Sigmoid":
        raise ExportError(
            f"output {output!r} of {where} is a Sigmoid's, a multi-label head: text-classification scores the softmax "
            "over classes of which one is right; give a model with such a head, or use multi-label-classification"
            if labels > 1
            else f"output {output!r} of {where} is a Sigmoid's: export the model without it, the activation of a "
            "regression is read from the config.json beside it"
        )
    return node.input[0] if node is not None and node.op_type in SOFTMAX else output


def find_representation(
    graph: GraphProto, declared_name: str | None, logits: Mapping[str, str], shapes: Mapping[str, Shape], where: Path
) -> TensorSource | None:
    """The tensor to take the representation from; None where ``declared_name`` is "none".

    In this order: the one that is told, an output or any tensor inside; an output ``representation``; an output
    ``last_hidden_state``; the only other output of rank 3; the last normalisation before the head (see
    `last_normalisation`). An already pooled one is taken only by name: a pooler's output, behind its own dense
    layer, is not the last hidden state.

    Raises `ExportError` where none is found.
    """
    if declared_name == LEFT_OUT:
        return None
    there = [value.name for value in graph.output]
    way_out = f"say which one to pool, with {REPRESENTATION}: NAME, or leave it out, with {REPRESENTATION}: {LEFT_OUT}"
    if declared_name is not None:
        if declared_name not in there and not any(declared_name in node.output for node in graph.node):
            raise ExportError(f"{where} makes no {declared_name!r} (its outputs: {listed(there, shapes)}): {way_out}")
        return _source(declared_name, shapes, f"{declared_name!r}, as the study says", where, way_out)
    for name in (REPRESENTATION, LAST_HIDDEN_STATE):
        if name in there:
            return _source(name, shapes, f"the output {name!r}", where, way_out)
    hidden = [name for name in there if name not in logits.values() and len(shapes.get(name, ())) == 3]
    if len(hidden) == 1:
        return _source(hidden[0], shapes, f"{hidden[0]!r}, the only output of rank 3", where, way_out)
    if not hidden:
        last = last_normalisation(graph, list(logits.values()), shapes)
        if last is not None:
            return TensorSource(last, False, f"{last!r}, the last normalisation before the head")
    raise ExportError(
        f"{where} has no output that is clearly the last hidden state (it has: {listed(there, shapes)}): {way_out}"
    )


def last_normalisation(graph: GraphProto, logits: list[str], shapes: Mapping[str, Shape]) -> str | None:
    """The normalisation that ends the encoder, by name of what it makes; None where that is not sure.

    The last hidden state of an encoder in the manner of BERT is a normalisation's result that all of the logits
    are computed from: no way leads from the tokens to a logit but through it. The last such of rank 3 is taken.
    Shapes do not count as ways, and the attention mask may be read again behind it, by a pooling.
    """
    producer = producers(graph)
    fixed = constants(graph)
    ahead = _ancestors(logits, producer, None)
    for node in reversed(graph.node):
        if not node.output or node.output[0] not in ahead or not _normalises(node, producer, fixed):
            continue
        tensor = node.output[0]
        if len(shapes.get(tensor, (None,) * 3)) != 3 or tensor in logits:
            continue
        inputs = {value.name for value in graph.input} - fixed - {"attention_mask"}
        return tensor if not inputs & _ancestors(logits, producer, tensor) else None
    return None


def described(shape: Shape) -> str:
    return "(" + ", ".join("free" if size is None else str(size) for size in shape) + ")"


def listed(names: list[str], shapes: Mapping[str, Shape]) -> str:
    """Names with their shapes; one that a terminal would not show as it is, quoted."""
    plain = {name: name if name.isprintable() else repr(name) for name in names}
    descriptions = (f"{plain[name]} {described(shapes[name])}" if name in shapes else plain[name] for name in names)
    return ", ".join(descriptions) or "none"


def _source(tensor: str, shapes: Mapping[str, Shape], how: str, where: Path, way_out: str) -> TensorSource:
    # A rank that is not known: the one that the name stands for; a wrong guess fails on the first batch.
    rank = len(shapes[tensor]) if tensor in shapes else (2 if tensor == REPRESENTATION else 3)
    if rank not in (2, 3):
        raise ExportError(
            f"{tensor!r} of {where} is {described(shapes[tensor])}, neither (batch, length, hidden) nor "
            f"(batch, hidden): {way_out}"
        )
    return TensorSource(tensor, rank == 2, how)


def _ancestors(tensors: list[str], producer: Mapping[str, NodeProto], stop: str | None) -> set[str]:
    """Names of all that ``tensors`` are computed from; the way back does not go on behind ``stop``."""
    ancestors = set(tensors)
    waiting = list(tensors)
    while waiting:
        name = waiting.pop()
        node = producer.get(name)
        if node is None or name == stop or node.op_type == "Shape":
            continue
        fresh = [name for name in node.input if name and name not in ancestors]
        ancestors.update(fresh)
        waiting.extend(fresh)
    return ancestors


def _normalises(node: NodeProto, producer: Mapping[str, NodeProto], fixed: set[str]) -> bool:
    """One node of that name; or, before opset 17, the end of its parts: deviation / spread x weight + bias."""
    if node.op_type in FUSED_NORMALISATIONS:
        return True
    scaled = _other_factor(node, "Add", producer, fixed)
    divided = None if scaled is None else _other_factor(scaled, "Mul", producer, fixed)
    return divided is not None and divided.op_type == "Div"


def _other_factor(node: NodeProto, kind: str, producer: Mapping[str, NodeProto], fixed: set[str]) -> NodeProto | None:
    """The node before ``node``, which is of ``kind`` and whose other operand is a weight."""
    if node.op_type != kind or len(node.input) != 2:
        return None
    varying = [name for name in node.input if name not in fixed]
    return producer.get(varying[0]) if len(varying) == 1 else None
