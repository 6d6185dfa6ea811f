"""The number of attention heads as a number: transformers 5 leaves it to the reshape, and no converter works it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.onnx.graph import constant_of, drop_unused, producers

if TYPE_CHECKING:
    from onnx import ModelProto


def state_heads(model: ModelProto) -> None:
    """Write, in the shapes (batch, sequence, -1, size) of queries, keys and values, the heads for the -1."""
    from onnx import helper, numpy_helper

    graph = model.graph
    producer = producers(graph)
    widths = {weight.name: weight.dims[0] for weight in graph.initializer if len(weight.dims) == 1}

    for reshape in [node for node in graph.node if node.op_type == "Reshape"]:
        added, shape = (producer.get(name) for name in reshape.input)
        if added is None or added.op_type != "Add" or shape is None or shape.op_type != "Concat":
            continue
        width = next((widths[name] for name in added.input if name in widths), None)
        parts = [constant_of(producer.get(name)) for name in shape.input]
        if width is None or len(parts) != 4 or parts[2] is None or parts[3] is None or parts[2].tolist() != [-1]:
            continue
        # No weight: where weights lie beside the file, ONNX Runtime reads no shape from them.
        heads = f"{shape.name}/heads"
        value = numpy_helper.from_array(width // parts[3])
        graph.node.insert(0, helper.make_node("Constant", [], [heads], name=heads, value=value))
        shape.input[2] = heads
    drop_unused(graph)
