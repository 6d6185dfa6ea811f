"""One form of the attention mask for every architecture: added to the scores, which are divided, as BERT does it.

DistilBERT overwrites scores with `Where`, after it broadcast the mask to all of them in every layer, and scales its
queries instead of the scores. Transformers 5 multiplies the scores by the inverse of the divisor. The numbers behind
Softmax are the same; the converters and runtimes that look for an attention to fuse know BERT's form alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporters.onnx.graph import constant_of, drop_unused, producers

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

MASK = "attention_mask"
LOWEST = float(np.finfo(np.float32).min)
BIAS = "attention_bias"


@dataclass(frozen=True)
class _MaskedScores:
    """Scores that are overwritten: ``Where(condition, lowest, MatMul(Div(queries, scale), keys))``."""

    where: NodeProto
    product: NodeProto
    scale: NodeProto


def add_mask(model: ModelProto) -> None:
    """Rewrite every masking that overwrites scores, and every scale before one; a graph without stays as it is."""
    graph = model.graph
    _divide_scores(graph)
    maskings = {masking.where.output[0]: masking for masking in _maskings(graph)}
    if not maskings:
        return
    moved = {masking.scale.output[0] for masking in maskings.values()}
    nodes = _bias(graph)
    for node in graph.node:
        masking = maskings.get(node.output[0])
        if node.output[0] not in moved:
            nodes.extend([node] if masking is None else _added(masking))
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unused(graph)


def _divide_scores(graph: GraphProto) -> None:
    """``Softmax(MatMul * number + mask)`` becomes ``Softmax(MatMul / inverse + mask)``."""
    from onnx import numpy_helper

    producer = producers(graph)
    for softmax in [node for node in graph.node if node.op_type == "Softmax"]:
        path = [softmax]
        for kind in ("Add", "Mul", "MatMul"):
            node = producer.get(path[-1].input[0])
            if node is None or node.op_type != kind:
                break
            path.append(node)
        else:
            scale = path[2]
            value = constant_of(producer.get(scale.input[1]))
            if value is not None:
                inverse = numpy_helper.from_array((1 / value).astype(value.dtype), f"{scale.name}/inverse")
                graph.initializer.append(inverse)
                scale.op_type = "Div"
                scale.input[1] = inverse.name
    drop_unused(graph)


def _maskings(graph: GraphProto) -> list[_MaskedScores]:
    producer = producers(graph)
    maskings = []
    for where in graph.node:
        if where.op_type != "Where" or not _follows_mask(where.input[0], producer):
            continue
        product = producer.get(where.input[2])
        scale = None if product is None or product.op_type != "MatMul" else producer.get(product.input[0])
        if product is not None and scale is not None and scale.op_type == "Div":
            maskings.append(_MaskedScores(where, product, scale))
    return maskings


def _follows_mask(name: str, producer: dict[str, NodeProto]) -> bool:
    while name != MASK:
        node = producer.get(name)
        if node is None or node.op_type not in ("Cast", "Expand", "Reshape", "Equal"):
            return False
        name = node.input[0]
    return True


def _bias(graph: GraphProto) -> list[NodeProto]:
    """Nodes for (1 - mask) * lowest, of shape (batch, 1, 1, sequence)."""
    from onnx import TensorProto, helper, numpy_helper

    constants: dict[str, NDArray[Any]] = {
        "one": np.array(1, np.float32),
        "lowest": np.array(LOWEST, np.float32),
        "heads": np.array([1], np.int64),
        "queries": np.array([2], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(value, f"{BIAS}/{name}") for name, value in constants.items())

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
        return helper.make_node(kind, inputs, [output], name=f"/{output}", **attributes)

    return [
        node("Unsqueeze", [MASK, f"{BIAS}/heads"], f"{BIAS}/with_heads"),
        node("Unsqueeze", [f"{BIAS}/with_heads", f"{BIAS}/queries"], f"{BIAS}/with_queries"),
        node("Cast", [f"{BIAS}/with_queries"], f"{BIAS}/mask", to=TensorProto.FLOAT),
        node("Sub", [f"{BIAS}/one", f"{BIAS}/mask"], f"{BIAS}/masked"),
        node("Mul", [f"{BIAS}/masked", f"{BIAS}/lowest"], BIAS),
    ]


def _added(masking: _MaskedScores) -> list[NodeProto]:
    """Div(MatMul(queries, keys), scale) + bias, in place of the masking's `Where`."""
    from onnx import helper

    queries, scale = masking.scale.input
    masking.product.input[0] = queries
    scaled = f"{masking.scale.output[0]}/scores"
    return [
        helper.make_node("Div", [masking.product.output[0], scale], [scaled], name=f"{masking.scale.name}/scores"),
        helper.make_node("Add", [scaled, BIAS], [masking.where.output[0]], name=f"{masking.where.name}/Add"),
    ]
