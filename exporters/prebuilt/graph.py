"""Changes to somebody else's graph, as few as there can be, until it takes and gives what every artifact does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.errors import ExportError
from exporters.onnx.graph import INPUTS, REPRESENTATION, opset
from exporters.pooling import pooling_nodes
from exporters.prebuilt.outputs import TensorSource, listed

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

POSITIONS = "position_ids"
KNOWN_INPUTS = (*INPUTS, "token_type_ids", POSITIONS)
LOWEST_OPSET = 11
"""The first with `Range`, and the first that optimum exported encoders with."""


def name_inputs(model: ModelProto, declared_names: Mapping[str, str | None], where: Path) -> list[str]:
    """Give the inputs of ``model`` in ``declared_names``, by our name for them, that name; return the changes in words.

    A tensor inside that has it already is moved aside. Raises `ExportError` where there is no such input, or where
    another one has the name.
    """
    graph = model.graph
    given = [value.name for value in fed_inputs(graph)]
    own = {name: input for name in KNOWN_INPUTS if (input := declared_names.get(name)) is not None and input != name}
    for name, input in own.items():
        if input not in given:
            raise ExportError(
                f"{where} has no input {input!r} (it has: {listed(given, {})}): say which one it is, with {name}: NAME"
            )
        if name in given and name not in own.values():
            raise ExportError(f"{where} has an input {name!r} beside {input!r}: leave {name}: {input} out")
    if len(set(own.values())) < len(own):
        raise ExportError(f"{where} has one input for {' and '.join(own)}: name each of its inputs once")
    for name, input in own.items():  # aside first: two may have each other's names
        _rename(graph, input, f"{name}.given")
    for name in own:
        _rename(graph, name, f"{name}.before")
        _rename(graph, f"{name}.given", name)
    return [f"input {input!r} called {name!r}" for name, input in own.items()]


def check_inputs(model: ModelProto, where: Path, first_position: int | None) -> None:
    """Raise `ExportError` unless the inputs are known ones, integers, of a free batch and a free length.

    ``first_position`` must be known where ``position_ids`` are among them.
    """
    from onnx import TensorProto

    if opset(model) < LOWEST_OPSET:
        raise ExportError(f"{where} is of opset {opset(model)}, needed is {LOWEST_OPSET} or later: export it again")
    inputs = fed_inputs(model.graph)
    names = [value.name for value in inputs]
    for name in INPUTS:
        if name not in names:
            raise ExportError(
                f"{where} has no input {name!r} (it has: {listed(names, {})}): say which one it is, with {name}: NAME"
            )
    if POSITIONS in names and first_position is None:
        raise ExportError(
            f"{where} needs {POSITIONS!r}, and no config.json beside it names its model_type: say the first token's, "
            "with first_position: 0 for BERT's kind, or the padding token's id + 1 for RoBERTa's"
        )
    for value in inputs:
        if value.name not in KNOWN_INPUTS:
            raise ExportError(
                f"{where} needs the input {value.name!r}, which no task here provides: export it with no others than "
                f"{', '.join(KNOWN_INPUTS)}, or say which of them it is, with token_type_ids: {value.name}"
            )
        kind = value.type.tensor_type
        if kind.elem_type not in (TensorProto.INT64, TensorProto.INT32):
            name = TensorProto.DataType.Name(kind.elem_type).lower()
            raise ExportError(f"input {value.name!r} of {where} is {name}: export it as int64 or int32")
        axes = kind.shape.dim
        if kind.HasField("shape") and len(axes) != 2:
            raise ExportError(f"input {value.name!r} of {where} has {len(axes)} axes: export it as (batch, length)")
        for what, axis in zip(("batch", "length"), axes, strict=False):
            if axis.HasField("dim_value"):
                raise ExportError(
                    f"input {value.name!r} of {where} has a fixed {what} ({axis.dim_value}): export it with both axes "
                    f"dynamic, as `optimum-cli export onnx` does and torch.onnx.export(..., dynamic_axes="
                    f"{{{value.name!r}: {{0: 'batch', 1: 'length'}}, ...}})"
                )


def fed_inputs(graph: GraphProto) -> list[ValueInfoProto]:
    """The inputs that a caller feeds: old files list their weights among the inputs too."""
    weights = {weight.name for weight in graph.initializer}
    return [value for value in graph.input if value.name not in weights]


def adapt(
    model: ModelProto,
    logits: Mapping[str, str],
    representation: TensorSource | None,
    pooling: str,
    first_position: int | None = None,
) -> list[str]:
    """Change ``model`` in place; return every change in words, none where it is as it should be.

    - an int32 input becomes int64, with a Cast behind it;
    - ``position_ids`` are made in the graph, counted from ``first_position``: see `_positions`;
    - logits of another name, or from before a Softmax or Sigmoid, become an output of ours too;
    - the representation becomes an output: float32 (batch, hidden), pooled as ``pooling`` says.

    Whatever the graph gives besides stays an output.
    """
    changes = [*_positions(model, first_position), *_integers(model.graph)]
    there = {value.name for value in model.graph.output}
    added: dict[str, tuple[str, str | None]] = {}  # our name: its tensor, and how that is pooled
    for name, own in logits.items():
        if name != own:
            added[name] = own, None
            behind = {node.op_type for node in model.graph.node if own in node.input}
            what = "output" if own in there else f"the {'Sigmoid' if 'Sigmoid' in behind else 'Softmax'}'s input"
            changes.append(f"{what} {own!r} given as {name!r} too")
    as_it_is = representation is not None and representation.pooled and representation.tensor == REPRESENTATION
    if representation is not None and not (as_it_is and REPRESENTATION in there):
        added[REPRESENTATION] = representation.tensor, None if representation.pooled else pooling
        pooled = "as it is" if representation.pooled else f"pooled ({pooling})"
        changes.append(f"output {REPRESENTATION!r} added: {representation.how}, {pooled}")
    aside = {name: f"{name}.before" for name in added if any(name in node.output for node in model.graph.node)}
    for name, other in aside.items():
        _rename(model.graph, name, other)
    for name, (tensor, pooled_as) in added.items():
        _add_output(model, aside.get(tensor, tensor), name, pooled_as)
    return changes


def _add_output(model: ModelProto, tensor: str, name: str, pooling: str | None) -> None:
    """Let the graph give ``tensor`` as ``name``, in float32; with ``pooling``, pooled."""
    from onnx import TensorProto, helper

    if pooling is None:
        nodes = [helper.make_node("Cast", [tensor], [name], f"scalemodel/{name}", to=TensorProto.FLOAT)]
    else:
        nodes = pooling_nodes(tensor, "attention_mask", name, pooling, opset(model))
    model.graph.node.extend(nodes)
    axes = ["batch_size", "hidden_size" if name == REPRESENTATION else f"{name}_size"]
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, axes))


def _positions(model: ModelProto, first: int | None) -> list[str]:
    """Make ``position_ids`` of ``input_ids``.

    Counted from 0 they go on over padding, as BERT's do. Counted from further on they are RoBERTa's: the id before the
    first is the padding token's, which is no position and stays in its place.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    given = next((value for value in fed_inputs(graph) if value.name == POSITIONS), None)
    if given is None or first is None:
        return []

    def name(part: str) -> str:
        return f"scalemodel/{POSITIONS}/{part}"

    def make(operator: str, inputs: list[str], part: str, **attributes: Any) -> NodeProto:
        return helper.make_node(operator, inputs, [name(part)], f"{name(part)}/node", **attributes)

    def constant(part: str, value: int | list[int]) -> NodeProto:
        tensor = numpy_helper.from_array(np.array(value, dtype=np.int64), name(part))
        return helper.make_node("Constant", [], [name(part)], f"{name(part)}/node", value=tensor)

    kind = given.type.tensor_type.elem_type
    if first == 0:
        nodes = [
            constant("zero", 0),
            constant("one", 1),
            constant("row", [1, -1]),
            make("Shape", ["input_ids"], "shape"),
            make("Gather", [name("shape"), name("one")], "length", axis=0),
            make("Range", [name("zero"), name("length"), name("one")], "range"),
            make("Reshape", [name("range"), name("row")], "rows"),
            make("Expand", [name("rows"), name("shape")], "all"),
        ]
    else:
        nodes = [
            constant("padding", first - 1),
            constant("axis", 1),
            make("Cast", ["input_ids"], "ids", to=TensorProto.INT64),
            make("Equal", [name("ids"), name("padding")], "padded"),
            make("Not", [name("padded")], "real"),
            make("Cast", [name("real")], "ones", to=TensorProto.INT32),
            make("CumSum", [name("ones"), name("axis")], "counted"),
            make("Mul", [name("counted"), name("ones")], "kept"),
            make("Cast", [name("kept")], "from one", to=TensorProto.INT64),
            make("Add", [name("from one"), name("padding")], "all"),
        ]
    nodes.append(helper.make_node("Cast", [name("all")], [POSITIONS], f"{name('cast')}/node", to=kind))
    graph.input.remove(given)
    _prepend(graph, nodes)
    return [f"input {POSITIONS!r} made in the graph: {first}, {first + 1}, {first + 2}, ..."]


def _integers(graph: GraphProto) -> list[str]:
    from onnx import TensorProto, helper

    narrow = [value for value in fed_inputs(graph) if value.type.tensor_type.elem_type == TensorProto.INT32]
    nodes = []
    for value in narrow:
        own = f"{value.name}.int32"
        for node in graph.node:
            _rename_inputs(node, value.name, own)
        nodes.append(helper.make_node("Cast", [value.name], [own], f"scalemodel/{own}", to=TensorProto.INT32))
        value.type.tensor_type.elem_type = TensorProto.INT64
    _prepend(graph, nodes)
    return [f"input {value.name!r} taken as int64 and cast to int32" for value in narrow]


def _prepend(graph: GraphProto, nodes: Iterable[NodeProto]) -> None:
    rest = list(graph.node)
    first = list(nodes)
    if first:
        del graph.node[:]
        graph.node.extend([*first, *rest])


def _rename(graph: GraphProto, old: str, new: str) -> None:
    """Give an input, or a tensor that a node makes, another name, wherever the graph and those inside of it read it."""
    for node in graph.node:
        _rename_inputs(node, old, new)
        for index, name in enumerate(node.output):
            if name == old:
                node.output[index] = new
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.name == old:
            value.name = new


def _rename_inputs(node: NodeProto, old: str, new: str) -> None:
    for index, name in enumerate(node.input):
        if name == old:
            node.input[index] = new
    for attribute in node.attribute:
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for child in inner.node:
                _rename_inputs(child, old, new)
            for value in inner.output:  # an inner graph may hand out a tensor of the outer one
                if value.name == old:
                    value.name = new
