"""Branches that an encoder never takes: DeBERTa's, for keys of another length than its queries.

The exporter writes an ``If`` on two lengths, which in self-attention are one. Runtimes know neither shape nor type
behind it (OpenVINO refuses the graph), and a converter would have to follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.onnx.graph import drop_unused, producers

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


def decide_branches(model: ModelProto) -> None:
    """Put, in place of every ``If`` that asks whether two lengths differ, its branch for equal ones."""
    graph = model.graph
    producer = producers(graph)
    nodes: list[NodeProto] = []
    for node in graph.node:
        nodes.extend(_taken(node, producer))
    if len(nodes) == len(graph.node):
        return
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unused(graph)


def _taken(node: NodeProto, producer: dict[str, NodeProto]) -> list[NodeProto]:
    """The node itself, or the nodes of its branch that is always taken."""
    from onnx import helper

    if node.op_type != "If" or not _lengths_differ(node.input[0], producer):
        return [node]
    branch: GraphProto = helper.get_node_attr_value(node, "else_branch")
    made = zip(branch.output, node.output, strict=True)
    return [*branch.node, *(helper.make_node("Identity", [inner.name], [outer]) for inner, outer in made)]


def _lengths_differ(condition: str, producer: dict[str, NodeProto]) -> bool:
    """Whether it is ``Not(Equal(a, b))``, with a cast at most, of two numbers that are each out of a shape."""
    kinds = []
    for kind in ("Cast", "Not", "Equal"):
        node = producer.get(condition)
        if node is not None and node.op_type == kind:
            kinds.append(kind)
            condition = node.input[0]
    if kinds[-2:] != ["Not", "Equal"]:
        return False
    assert node is not None
    return all(_out_of_shape(name, producer) for name in node.input)


def _out_of_shape(name: str, producer: dict[str, NodeProto]) -> bool:
    while (node := producer.get(name)) is not None:
        if node.op_type == "Shape":
            return True
        if node.op_type not in ("Cast", "Gather", "Slice", "Squeeze", "Unsqueeze"):
            return False
        name = node.input[0]
    return False
