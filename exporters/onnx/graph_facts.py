"""Facts of an ONNX graph about the model in it: precision, weights, layers, vocabulary, shapes of tensors."""

from __future__ import annotations

import contextlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

Shape = tuple[int | None, ...]
"""An int for a fixed axis, None for a free one."""

ATTENTION = frozenset(
    (
        "Attention",
        "DecoderMaskedSelfAttention",
        "GroupQueryAttention",
        "MultiHeadAttention",
        "PackedAttention",
        "PackedMultiHeadAttention",
        "QAttention",
    )
)
"""A layer's whole attention in one node: ONNX's own from opset 23, and ONNX Runtime's."""

QUANTIZATION = frozenset(
    (
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "DynamicQuantizeMatMul",
        "MatMulBnb4",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "MatMulNBits",
        "QAttention",
        "QEmbedLayerNormalization",
        "QGemm",
        "QLinearAdd",
        "QLinearConv",
        "QLinearMatMul",
        "QOrderedMatMul",
        "QuantizeLinear",
    )
)
"""Operators that numbers of 8 bits or fewer go through, of ONNX and of ONNX Runtime."""

SCALED_AT_RUN_TIME = frozenset(("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulInteger"))
BETWEEN_SOFTMAX_AND_VALUES = frozenset(("Cast", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear", "Where"))
POSITIONS_TABLE = "embeddings.position_embeddings.weight"
LARGE = 1024  # bytes; a smaller tensor may be a shape, whose values shapes are inferred from


@dataclass(frozen=True)
class GraphFacts:
    """What is found in a graph. None: not found."""

    precision: str
    parameters: int
    """Numbers in the weights, without scales, zero points and integers that are shapes or indices."""
    layers: int | None
    vocabulary: int | None
    """Rows of the table that ``input_ids`` look up."""
    positions: int | None
    """Rows of the table of positions, by the name that exporters leave it."""
    counted: bool
    """Whether positions are counted from behind the padding's, as in RoBERTa's kind."""
    weights: dict[str, int]
    """Numbers in the weights by their type."""
    quantization: dict[str, int]
    """Nodes by operator, of those in `QUANTIZATION`."""


def graph_facts(model: ModelProto) -> GraphFacts:
    graph = model.graph
    weights = _weights_by_type(graph)
    operators = Counter(node.op_type for node in graph.node)
    quantization = {name: operators[name] for name in sorted(QUANTIZATION & operators.keys())}
    return GraphFacts(
        precision=_precision(weights, quantization, _eight_bits(graph)),
        parameters=sum(weights.values()),
        layers=_layers(graph) or None,
        vocabulary=_vocabulary(graph),
        positions=next((int(w.dims[0]) for w in graph.initializer if w.name.endswith(POSITIONS_TABLE)), None),
        counted=operators["CumSum"] > 0,
        weights=weights,
        quantization=quantization,
    )


def matmuls_by_type(graph: GraphProto) -> dict[str, int]:
    """Matmuls by the type that both of their factors are restored from ("int8", "fp8"), or "float"."""
    from onnx import TensorProto

    types = {weight.name: TensorProto.DataType.Name(weight.data_type) for weight in graph.initializer}
    restored = {
        node.output[0]: _EIGHT_BITS.get(types.get(node.input[2], ""), "float")
        for node in graph.node
        if node.op_type == "DequantizeLinear" and len(node.input) == 3
    }
    counts = Counter[str]()
    for node in graph.node:
        if node.op_type in ("MatMul", "Gemm"):
            one, other = (restored.get(name, "float") for name in node.input[:2])
            counts[one if one == other else "float"] += 1
    return dict(sorted(counts.items()))


def tensor_shapes(model: ModelProto) -> dict[str, Shape]:
    """Shapes of the tensors, as far as the graph declares them or ONNX infers them.

    What follows from an operator of another domain than ONNX's is mostly not among them.
    """
    import onnx

    light = _without_weights(model)
    # Of a graph that contradicts itself, what it declares must do; the runtime will say what is wrong with it.
    with contextlib.suppress(onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        light = onnx.shape_inference.infer_shapes(light)
    graph = light.graph
    shapes = {}
    for value in (*graph.value_info, *graph.input, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            axes = value.type.tensor_type.shape.dim
            shapes[value.name] = tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in axes)
    return shapes


def constants(graph: GraphProto) -> set[str]:
    """Names of the tensors that no input of the graph has a part in: weights, and what is made of them alone."""
    fixed = {weight.name for weight in graph.initializer}
    for node in graph.node:
        if all(not name or name in fixed for name in node.input):
            fixed.update(node.output)
    return fixed


def _eight_bits(graph: GraphProto) -> str:
    """What quantization nodes make: "fp8" where any of them says so by its zero point, or else "int8"."""
    from onnx import TensorProto

    types = {weight.name: weight.data_type for weight in graph.initializer}
    made = {
        types.get(name)
        for node in graph.node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear")
        for name in node.input[2:]
    }
    return "fp8" if TensorProto.FLOAT8E4M3FN in made else "int8"


def _precision(weights: dict[str, int], quantization: dict[str, int], eight_bits: str) -> str:
    total = sum(weights.values()) or 1
    share = {name: count / total for name, count in weights.items()}
    if quantization:
        if "MatMulNBits" in quantization or "MatMulBnb4" in quantization or share.keys() & {"int4", "uint4"}:
            return "int4 weights"
        if SCALED_AT_RUN_TIME & quantization.keys():
            return "int8 weights, activations scaled at run time"
        only_weights = quantization.keys() <= {"DequantizeLinear"}
        return f"{eight_bits} weights" if only_weights else f"{eight_bits} weights, {eight_bits} activations"
    largest = max(share, key=lambda name: share[name], default="float32")
    return {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}.get(largest, largest)


def _weights_by_type(graph: GraphProto) -> dict[str, int]:
    from onnx import TensorProto

    quantized_by = {
        name for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear") for name in node.input[1:]
    }
    indices = (TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING)
    counts = Counter[str]()
    for name, tensor in _constants_with_values(graph):
        numbers = math.prod(tensor.dims)
        if name not in quantized_by and tensor.data_type not in indices and numbers > 1:
            counts[TensorProto.DataType.Name(tensor.data_type).lower()] += numbers
    return {_TYPES.get(name, name): count for name, count in sorted(counts.items())}


_TYPES = {"float": "float32", "double": "float64"}
_EIGHT_BITS = {"INT8": "int8", "UINT8": "int8", "FLOAT8E4M3FN": "fp8"}


def _constants_with_values(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for weight in graph.initializer:
        yield weight.name, weight
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield node.output[0], attribute.t


def _layers(graph: GraphProto) -> int:
    """Nodes that are an attention, or a Softmax whose result is multiplied with the values."""
    readers: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)

    def weighs_values(softmax: NodeProto) -> bool:
        waiting = list(softmax.output)
        seen = set(waiting)
        while waiting:
            for node in readers[waiting.pop()]:
                if "MatMul" in node.op_type or node.op_type == "Einsum":
                    return True
                if node.op_type in BETWEEN_SOFTMAX_AND_VALUES or node.op_type == "DynamicQuantizeLinear":
                    fresh = [name for name in node.output if name not in seen]
                    seen.update(fresh)
                    waiting.extend(fresh)
        return False

    return sum(node.op_type in ATTENTION or (node.op_type == "Softmax" and weighs_values(node)) for node in graph.node)


def _vocabulary(graph: GraphProto) -> int | None:
    rows = {weight.name: int(weight.dims[0]) for weight in graph.initializer if len(weight.dims) == 2}
    ids = {"input_ids"}
    for node in graph.node:
        if node.op_type in ("Cast", "Identity") and node.input[0] in ids:
            ids.update(node.output)
        if node.op_type == "Gather" and node.input[1] in ids and node.input[0] in rows:
            return rows[node.input[0]]
        if node.op_type in ("EmbedLayerNormalization", "QEmbedLayerNormalization") and node.input[0] in ids:
            return rows.get(node.input[2])
    return None


def _without_weights(model: ModelProto) -> ModelProto:
    """A copy whose large weights have a shape and a type, and no values."""
    import onnx

    light = onnx.ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    graph = light.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    graph.value_info.extend(model.graph.value_info)
    for weight in model.graph.initializer:
        if weight.data_location != weight.EXTERNAL and weight.ByteSize() <= LARGE:
            graph.initializer.append(weight)
            continue
        empty = graph.initializer.add(name=weight.name, data_type=weight.data_type, dims=weight.dims)
        empty.data_location = onnx.TensorProto.EXTERNAL
        empty.external_data.add(key="location", value="elsewhere")
    return light
