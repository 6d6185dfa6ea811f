"""``onnx-fp16``: half-precision weights and matmuls; float32 and int64 at the borders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.onnx.graph import MICROSOFT, behind_mask, position_arithmetic, read_model, write_model
from exporters.onnx.weights_aside import Data, check_all_back, set_aside

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

FLOAT32_OPERATORS = ("LayerNormalization", "Softmax", "ReduceSum", "ReduceMean")
"""They sum over many values, and LayerNorm squares them: half precision ends at 65,504."""

LARGEST, SMALLEST_NORMAL, SMALLEST = 65_504.0, 2.0**-14, 2.0**-24
"""The largest number of half precision, its smallest with all digits, and its smallest."""


@dataclass
class Rounding:
    """What half precision did to the weights, in numbers of weights."""

    converted: int = 0
    overflow: int = 0
    """Beyond 65,504: clipped to it."""
    underflow: int = 0
    """Not 0, but smaller than 2^-24: raised to it."""
    subnormal: int = 0
    """Smaller than 2^-14: kept with fewer digits."""

    def warnings(self) -> list[str]:
        """A clipped weight is another weight; one that is nearly 0 hardly ever matters."""
        clipped = f"{self.overflow} weights beyond {LARGEST:,.0f} were clipped: this model does not fit half precision"
        return [clipped] if self.overflow else []

    def count(self, values: NDArray[np.float32]) -> None:
        size = np.abs(values)
        self.converted += size.size
        self.overflow += int((size > LARGEST).sum())
        self.underflow += int(((size > 0) & (size < SMALLEST)).sum())
        self.subnormal += int(((size >= SMALLEST) & (size < SMALLEST_NORMAL)).sum())


def write(parent: Path, destination: Path) -> Rounding:
    """Convert the artifact ``parent``: ``onnx-fp32``, or one of its graph with quantization nodes.

    Float32 stay: LayerNorm, Softmax, reductions, everything from the attention mask to the Softmax, arithmetic with
    positions, and the graph's inputs and outputs. Scales of quantization nodes are halved with what they scale: 2^-11
    off at most, against an eighth bit, and the same in quantizing and restoring.
    """
    half, rounding = halve(read_model(parent))
    write_model(half, destination)
    copy_tokenizer(parent, destination)
    return rounding


def halve(model: ModelProto) -> tuple[ModelProto, Rounding]:
    """The model in half precision, see `write`; the weights of ``model`` itself are gone afterwards."""
    from onnx import TensorProto
    from onnxruntime.transformers.float16 import convert_np_to_float16

    rounding = Rounding()

    def halved(values: NDArray[np.float32]) -> bytes:
        rounding.count(values)
        return convert_np_to_float16(values).tobytes()  # type: ignore[no-any-return]

    light, data = set_aside(model, lambda weight: weight.data_type == TensorProto.FLOAT)
    half = half_graph(light)
    put_back_converted(half, data, TensorProto.FLOAT16, halved)
    _let_quantization_be_half(half)
    return half, rounding


def _let_quantization_be_half(model: ModelProto) -> None:
    """Quantization nodes take half precision from operator set 19 on; of all others here 19 changes nothing."""
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        for entry in model.opset_import:
            if entry.domain in ("", "ai.onnx"):
                entry.version = max(entry.version, 19)


def put_back_converted(
    model: ModelProto, data: Data, kind: int, convert: Callable[[NDArray[np.float32]], bytes]
) -> None:
    """`exporters.onnx.weights_aside.put_back`, with the weights of the type ``kind`` converted from float32."""
    for weight in model.graph.initializer:
        if weight.name in data:
            raw = data.pop(weight.name)
            weight.raw_data = convert(np.frombuffer(raw, np.float32)) if weight.data_type == kind else raw
    check_all_back(data)


def half_graph(model: ModelProto) -> ModelProto:
    """The graph in half precision; its weights, whose data was set aside, get their new type alone."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    typed = _typed(model)
    own = {node.name for node in typed.graph.node}
    shapes = _empty(typed.graph)
    half: ModelProto = convert_float_to_float16(
        typed,
        keep_io_types=True,
        disable_shape_infer=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *FLOAT32_OPERATORS],
        node_block_list=[*behind_mask(model.graph), *position_arithmetic(model.graph)],
    )
    for weight in half.graph.initializer:
        weight.dims[:] = shapes.get(weight.name, weight.dims)
    _join_float32(half.graph, own)
    del half.graph.value_info[:]  # some now tell the wrong type
    OnnxModel(half).topological_sort(is_deterministic=True)  # the casts were appended at the end
    return half


def _typed(model: ModelProto) -> ModelProto:
    """With the types of all that passes between nodes: ``onnx`` knows none of ONNX Runtime's own operators."""
    import onnx
    from onnx import TensorProto, helper

    own = [node for node in model.graph.node if node.domain == MICROSOFT]
    if own and all(entry.domain != MICROSOFT for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    known = {value.name for value in (*model.graph.value_info, *model.graph.output)}
    model.graph.value_info.extend(
        helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)  # what follows are integers
        for node in own
        if node.output[0] not in known
    )
    return onnx.shape_inference.infer_shapes(model)


def _empty(graph: GraphProto) -> dict[str, list[int]]:
    """Call weights without data empty, which the converter takes for their true size; and their shapes."""
    shapes = {}
    for weight in graph.initializer:
        if weight.data_type == weight.FLOAT and not (weight.raw_data or weight.float_data):
            shapes[weight.name] = list(weight.dims)
            weight.dims[:] = [0]
    return shapes


def _join_float32(graph: GraphProto, own: Collection[str]) -> None:
    """Let float32 nodes that follow each other pass float32; ``own`` nodes are not the converter's.

    The converter casts around every single node that stays float32: twice by the same name where two of them
    read one tensor, which is no valid graph, and through FP16 between neighbours, where the mask's -3.4e38 is
    infinite.
    """
    from onnx import TensorProto, helper

    def casts_to(kind: int) -> dict[str, str]:
        return {
            node.output[0]: node.input[0]
            for node in graph.node
            if node.op_type == "Cast" and node.name not in own and helper.get_node_attr_value(node, "to") == kind
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


def _export(job: Job) -> Mapping[str, Any]:
    rounding = write(job.source, job.destination)
    return {"rounding": asdict(rounding), "warnings": rounding.warnings()}


FORMAT = Format(
    "onnx-fp16",
    family="onnx",
    parent="onnx-fp32",
    precision="fp16",
    arithmetic="fp16; LayerNorm, Softmax, mask and reductions fp32",
    summary="half-precision weights and matmuls, for GPUs",
    write=_export,
)
