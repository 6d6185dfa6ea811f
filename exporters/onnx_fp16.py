"""``onnx-fp16``: half-precision weights and products; float32 and int64 at the borders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exporters.files import link_or_copy
from exporters.onnx_graph import behind_mask, read_model, write_model

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

FLOAT32_OPERATORS = ("LayerNormalization", "Softmax", "ReduceSum", "ReduceMean")
"""They sum over many values, and LayerNorm squares them: half precision ends at 65,504."""


def write(parent: Path, destination: Path) -> None:
    """Convert the ``onnx-fp32`` artifact ``parent``.

    Float32 stay: LayerNorm, Softmax, reductions, everything from the attention mask to the Softmax, and the
    graph's inputs and outputs.
    """
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    # Shapes are inferred before external weights come in: protobuf cannot pass more than 2 GiB around.
    model = onnx.shape_inference.infer_shapes(read_model(parent, weights=False))
    load_external_data_for_model(model, str(parent))
    write_model(_half(model), destination)
    link_or_copy(parent / "tokenizer.json", destination / "tokenizer.json")


def _half(model: ModelProto) -> ModelProto:
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    half: ModelProto = convert_float_to_float16(
        model,
        keep_io_types=True,
        disable_shape_infer=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *FLOAT32_OPERATORS],
        node_block_list=behind_mask(model.graph),
    )
    _join_float32(half.graph)
    del half.graph.value_info[:]  # some now tell the wrong type
    OnnxModel(half).topological_sort(is_deterministic=True)  # the casts were appended at the end
    return half


def _join_float32(graph: GraphProto) -> None:
    """Let float32 nodes that follow each other pass float32.

    The converter casts around every single node that stays float32: twice by the same name where two of them
    read one tensor, which is no valid graph, and through FP16 between neighbours, where the mask's -3.4e38 is
    infinite.
    """
    from onnx import TensorProto, helper

    def casts_to(kind: int) -> dict[str, str]:
        return {
            node.output[0]: node.input[0]
            for node in graph.node
            if node.op_type == "Cast" and helper.get_node_attr_value(node, "to") == kind
        }

    halved = casts_to(TensorProto.FLOAT16)
    float32 = {made: halved[read] for made, read in casts_to(TensorProto.FLOAT).items() if read in halved}
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        if node.op_type == "Cast" and node.output[0] in float32 and node.output[0] in outputs:
            node.input[0] = float32.pop(node.output[0])
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in float32:
                node.input[index] = float32[name]
    _drop_unused(graph)


def _drop_unused(graph: GraphProto) -> None:
    """Keep, of the Cast nodes, one for each tensor that something reads."""
    needed = {value.name for value in graph.output}
    needed.update(name for node in graph.node if node.op_type != "Cast" for name in node.input)
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    waiting = [name for name in needed if name in casts]
    while waiting:
        name = casts[waiting.pop()]
        if name in casts and name not in needed:
            waiting.append(name)
        needed.add(name)
    kept, made = [], set()
    for node in graph.node:
        if node.op_type == "Cast":
            if node.output[0] not in needed or node.output[0] in made:
                continue
            made.add(node.output[0])
        kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
