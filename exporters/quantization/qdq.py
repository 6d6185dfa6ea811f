"""Matmuls in INT8 as ONNX writes them down: QuantizeLinear and DequantizeLinear around an ordinary MatMul."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporters.quantization.matmul_groups import MatmulGroup, OpenedModel

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto


@dataclass(frozen=True)
class Activation:
    """How the input of a group becomes 8 bits: divided by ``divisors``, then quantized over ``low`` to ``high``."""

    low: float
    high: float
    divisors: NDArray[np.float32] | None
    """(channels,) see `exporters.quantization.smoothing`; None: as it is."""


@dataclass(frozen=True)
class QuantizedGroup:
    """What stands in the place of a group: the same outputs, by matmuls in INT8."""

    group: MatmulGroup
    nodes: list[NodeProto]
    initializers: list[TensorProto]


def quantize_group(
    opened: OpenedModel, group: MatmulGroup, activation: Activation, *, signed: bool, reduced: bool
) -> QuantizedGroup:
    """The nodes and weights of ``group`` in INT8.

    Weights are symmetric int8 per output channel; ``reduced``: of 7 bits. The input has one scale: ``signed`` int8
    around 0, otherwise uint8 with a zero point, which uses the whole range of a skewed tensor (GELU's).

    What becomes of a weight is called after it: groups that share one, and divide alike, share its 8 bits.
    """
    from onnx import helper, numpy_helper

    nodes: list[NodeProto] = []
    initializers: list[TensorProto] = []

    def constant(name: str, values: NDArray[Any]) -> str:
        initializers.append(numpy_helper.from_array(values, name))
        return name

    def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    name = source = group.input
    if activation.divisors is not None:
        source = node("Mul", [name, constant(f"{name} factors", 1 / activation.divisors)], f"{name} smoothed")
    scale, zero_point = _scale(activation, signed=signed)
    parameters = [constant(f"{name} scale", scale), constant(f"{name} zero point", zero_point)]
    quantized = node("QuantizeLinear", [source, *parameters], f"{name} quantized")
    restored = node("DequantizeLinear", [quantized, *parameters], f"{name} restored")
    for matmul, weight in zip(group.matmuls, opened.weights(group), strict=True):
        name = matmul.input[1]
        if activation.divisors is not None:
            weight = weight * activation.divisors[:, None]
        integers, scales = _per_channel(weight, 63 if reduced else 127)
        inputs = [
            constant(f"{name} quantized", integers),
            constant(f"{name} scale", scales),
            constant(f"{name} zero point", np.zeros(len(scales), np.int8)),
        ]
        factor = node("DequantizeLinear", inputs, f"{name} restored", axis=1)
        nodes.append(helper.make_node("MatMul", [restored, factor], matmul.output, matmul.name))
    return QuantizedGroup(group, nodes, initializers)


def replace_groups(model: ModelProto, groups: Sequence[QuantizedGroup]) -> None:
    """Put ``groups`` into the graph.

    Whatever else reads a group's input, the residual sum above all, goes on reading it as float32. A quantized
    residual costs accuracy, and keeps ONNX Runtime from running query, key and value in INT8.
    """
    graph = model.graph
    new = {entry.group.matmuls[0].name: entry for entry in groups}
    replaced = {node.name for entry in groups for node in entry.group.matmuls}
    nodes: dict[str, NodeProto] = {}
    for node in graph.node:
        if node.name in new:
            for made in new[node.name].nodes:
                nodes.setdefault(made.output[0], made)
        if node.name not in replaced:
            nodes[node.output[0]] = node
    del graph.node[:]
    graph.node.extend(nodes.values())
    graph.initializer.extend(initializers_of(groups))
    drop_unused_weights(graph)


def initializers_of(groups: Sequence[QuantizedGroup]) -> list[TensorProto]:
    """Those of all ``groups``, what they share once."""
    return list({tensor.name: tensor for entry in groups for tensor in entry.initializers}.values())


def quantize_embeddings(opened: OpenedModel, tables: Sequence[str]) -> None:
    """Make the weights that ``tables``, names of Gather nodes, look up 8-bit, with a scale per channel.

    Rows are looked up first and scaled to float32 after: a smaller file, the same arithmetic behind it.
    """
    from onnx import helper, numpy_helper

    graph = opened.model.graph
    after: dict[str, NodeProto] = {}
    for node in graph.node:
        if node.name not in tables:
            continue
        table, result = node.input[0], node.output[0]
        integers, scales = _per_channel(opened.weight(table), 127)
        node.input[0], node.output[0] = f"{table} quantized", f"{result} quantized"
        names = [node.output[0], f"{table} scale", f"{table} zero point"]
        graph.initializer.append(numpy_helper.from_array(integers, node.input[0]))
        graph.initializer.append(numpy_helper.from_array(scales, names[1]))
        graph.initializer.append(numpy_helper.from_array(np.zeros(len(scales), np.int8), names[2]))
        after[node.name] = helper.make_node("DequantizeLinear", names, [result], result, axis=-1)
    nodes = [new for node in graph.node for new in (node, after.get(node.name)) if new is not None]
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unused_weights(graph)


def drop_unused_weights(graph: GraphProto) -> None:
    """Remove initializers that no node reads."""
    used = {name for node in graph.node for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _scale(activation: Activation, *, signed: bool) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Scale and zero point; 0 is always a value, as padding and the mask need."""
    low, high = min(activation.low, 0.0), max(activation.high, 0.0)
    if signed:
        return np.array(max(-low, high) / 127 or 1, np.float32), np.array(0, np.int8)
    scale = (high - low) / 255 or 1
    return np.array(scale, np.float32), np.array(round(-low / scale), np.uint8)


def _per_channel(weight: NDArray[np.float32], largest: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 with a scale for each channel of the last axis."""
    scales = np.abs(weight).max(axis=0) / np.float32(largest)
    scales[scales == 0] = 1
    return np.clip(np.rint(weight / scales), -largest, largest).astype(np.int8), scales.astype(np.float32)
