"""ONNX files and graphs: reading, writing, and the parts of an encoder that a converter treats apart."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from exporters.errors import ExportError, one_line
from exporters.files import link_or_copy, require
from exporters.manifest import Tensor
from exporters.tasks import TASKS

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

MODEL = "model.onnx"
EXTERNAL = "model.onnx.data"
SINGLE_FILE_LIMIT = 2**31 - 2**24
"""Bytes of weights in one protobuf file; its format ends at 2 GiB, and the graph needs some room too."""

INPUTS = ("input_ids", "attention_mask")
REPRESENTATION = "representation"
MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""
ATTENTIONS = ("Attention", "RemovePadding")
"""ONNX Runtime's own operators that take the mask, or lengths, as integers."""


def read_model(folder: Path, *, weights: bool = True) -> ModelProto:
    """Read ``model.onnx`` of an artifact folder, with its external data unless ``weights`` is False.

    Raises `ExportError` when it is missing or truncated.
    """
    import onnx

    path = require(folder, MODEL, "export the artifact again")
    try:
        model = onnx.load(str(path), load_external_data=weights)
    except MemoryError:
        raise
    except Exception as error:  # protobuf and onnx raise several kinds
        raise ExportError(f"{path} is no readable ONNX file ({one_line(error)}): export it again") from None
    if not model.graph.node:
        raise ExportError(f"{path} is no readable ONNX file (no graph in it): export it again")
    return model


def write_model(model: ModelProto, folder: Path) -> None:
    """Write ``model.onnx``; weights too large for one protobuf file go to ``model.onnx.data`` beside it."""
    import onnx

    if sum(_weight_bytes(model)) <= SINGLE_FILE_LIMIT:
        onnx.save_model(model, str(folder / MODEL))
        return
    onnx.save_model(
        model,
        str(folder / MODEL),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=EXTERNAL,
        size_threshold=1024,
    )


def link_model(source: Path, destination: Path) -> Path:
    """Make an ONNX model's files appear in ``destination``, for a tool that writes beside its input."""
    link_or_copy(source / MODEL, destination / MODEL)
    if (source / EXTERNAL).is_file():  # onnx takes a second name of such a file for an attack
        shutil.copyfile(source / EXTERNAL, destination / EXTERNAL)
    return destination / MODEL


def move_model(source: Path, destination: Path) -> None:
    """Move an ONNX model's files into ``destination``."""
    for name in (MODEL, EXTERNAL):
        if (source / name).is_file():
            (source / name).replace(destination / name)


def check_interface(model: ModelProto, *, task: str, where: Path) -> None:
    """Raise `ExportError` unless the graph takes the inputs and gives the outputs that ``task`` needs."""
    given = {value.name for value in model.graph.input}
    made = {value.name for value in model.graph.output}
    for kind, needed, present in (
        ("input", INPUTS, given),
        ("output", (*TASKS[task].outputs, REPRESENTATION), made),
    ):
        for name in needed:
            if name not in present:
                names = ", ".join(sorted(present)) or "none"
                raise ExportError(f"{where / MODEL} has no {kind} {name!r} (only {names}): export it again")


def interface(model: ModelProto) -> tuple[list[Tensor], list[Tensor]]:
    """The graph's inputs and outputs as the manifest lists them."""
    return [tensor_of(value) for value in model.graph.input], [tensor_of(value) for value in model.graph.output]


def tensor_of(value: ValueInfoProto) -> Tensor:
    """An input or output as the manifest lists it."""
    from onnx import helper

    kind = value.type.tensor_type
    shape = [dim.dim_param or int(dim.dim_value) for dim in kind.shape.dim]
    return Tensor(value.name, str(helper.tensor_dtype_to_np_dtype(kind.elem_type)), shape)


def opset(model: ModelProto) -> int:
    """The version of the standard operator set."""
    return next(int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def non_standard_operators(model: ModelProto) -> dict[str, int]:
    """Count of nodes of other domains than ONNX's own, by operator."""
    counts = Counter(node.op_type for node in model.graph.node if node.domain not in ("", "ai.onnx"))
    return dict(sorted(counts.items()))


def producers(graph: GraphProto) -> dict[str, NodeProto]:
    """The node that makes each tensor, by the tensor's name."""
    return {name: node for node in graph.node for name in node.output if name}


def constant_of(node: NodeProto | None) -> NDArray[Any] | None:
    """What a Constant holds; None of any other node."""
    from onnx import helper, numpy_helper

    if node is None or node.op_type != "Constant":
        return None
    return numpy_helper.to_array(helper.get_node_attr_value(node, "value"))


def head(graph: GraphProto) -> list[str]:
    """Names of the nodes after the encoder: those that the representation does not depend on.

    They are the task's head (and a pooler in front of it): few weights, and every error in them is an error
    of the logits.
    """
    producer = producers(graph)
    encoder: set[str] = set()
    waiting = [REPRESENTATION]
    while waiting:
        node = producer.get(waiting.pop())
        if node is not None and node.name not in encoder:
            encoder.add(node.name)
            waiting.extend(node.input)
    return [node.name for node in graph.node if node.name not in encoder]


def behind_mask(graph: GraphProto) -> list[str]:
    """Names of the nodes that compute with the attention mask's values, up to the first that evens them out.

    The mask becomes numbers near -3.4e38 that mean "not this one". Neither FP16 nor INT8 can hold them. Softmax and
    LayerNormalization end them, and no product with weights sees them. A fused attention has its Softmax inside, and
    is not among them. With mean pooling, the pooling is among these nodes too; so are the masked embeddings of DeBERTa.
    """
    weights = {weight.name for weight in graph.initializer}
    consumers: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    names: dict[str, None] = {}
    waiting = ["attention_mask"]
    while waiting:
        for node in consumers[waiting.pop()]:
            if node.op_type in ("Shape", *ATTENTIONS) or node.name in names:  # a shape is not a value of the mask
                continue
            if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights:
                continue
            names[node.name] = None
            if node.op_type not in ("Softmax", "LayerNormalization"):
                waiting.extend(node.output)
    return list(names)


def position_arithmetic(graph: GraphProto) -> list[str]:
    """Names of the nodes that compute with positions: those that end in a Cast to integers, or in a sine or cosine.

    Rounded to fewer digits, a number just above a whole one is that one, and a relative position is in another bucket;
    an angle of thousands has none of its digits left. They go back to shapes, and to what holds weights.
    """
    from onnx import TensorProto, helper

    def ends(node: NodeProto) -> bool:
        if node.op_type != "Cast":
            return node.op_type in ("Sin", "Cos")
        return helper.get_node_attr_value(node, "to") in (TensorProto.INT32, TensorProto.INT64)

    producer = producers(graph)
    waiting = [node for node in graph.node if ends(node)]
    names: dict[str, None] = {}
    while waiting:
        node = waiting.pop()
        if node.name in names or node.op_type in ("Shape", "Gather", "Gemm", "LayerNormalization"):
            continue
        if node.op_type == "MatMul" and node.input[1] not in producer:
            continue
        names[node.name] = None
        waiting.extend(producer[name] for name in node.input if name in producer)
    return list(names)


def encoder_matmuls(graph: GraphProto) -> list[str]:
    """Names of the encoder's MatMul nodes whose second factor is a weight; the head is left out.

    So are products of weights alone, as of DeBERTa's relative positions: a runtime computes them once.
    """
    weights = {weight.name for weight in graph.initializer}
    excluded = set(head(graph))
    of_texts = {value.name for value in graph.input}
    names = []
    for node in graph.node:
        if of_texts.isdisjoint(node.input):
            continue
        of_texts.update(node.output)
        if node.op_type == "MatMul" and node.input[1] in weights and node.name not in excluded:
            names.append(node.name)
    return names


def embeddings(graph: GraphProto) -> list[str]:
    """Names of the Gather nodes that look up rows of a weight."""
    tables = {weight.name for weight in graph.initializer if len(weight.dims) == 2}
    return [node.name for node in graph.node if node.op_type == "Gather" and node.input[0] in tables]


def fold_identities(model: ModelProto) -> None:
    """Replace Identity nodes over weights by the weights.

    The exporter makes them for equal weights (a new LayerNorm in every layer), and converters that look for
    a weight do not see through them.
    """
    graph = model.graph
    weights = {weight.name for weight in graph.initializer}
    outputs = {value.name for value in graph.output}
    renamed: dict[str, str] = {}
    kept = []
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in weights and node.output[0] not in outputs:
            renamed[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    if not renamed:
        return
    for node in kept:
        for index, name in enumerate(node.input):
            if name in renamed:
                node.input[index] = renamed[name]
    del graph.node[:]
    graph.node.extend(kept)


def keep_outputs(graph: GraphProto, names: Collection[str]) -> None:
    """Remove all other outputs, and what is computed for them alone."""
    others = [value for value in graph.output if value.name not in names]
    for value in others:
        graph.output.remove(value)
    if others:
        drop_unused(graph)


def drop_unused(graph: GraphProto) -> None:
    """Remove the nodes, and the weights, that no output of the graph depends on."""
    producer = producers(graph)
    needed: set[str] = set()
    waiting = [value.name for value in graph.output]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(producer[name].input if name in producer else ())
    for index in reversed([i for i, node in enumerate(graph.node) if needed.isdisjoint(node.output)]):
        del graph.node[index]
    for index in reversed([i for i, weight in enumerate(graph.initializer) if weight.name not in needed]):
        del graph.initializer[index]


def _weight_bytes(model: ModelProto) -> Iterable[int]:
    return (weight.ByteSize() for weight in model.graph.initializer)
