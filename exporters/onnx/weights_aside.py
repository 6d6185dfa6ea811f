"""A graph without the data of its weights: what rewrites it copies kilobytes then, and not gigabytes several times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from exporters.errors import ExportError

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

Data = dict[str, bytes]
"""The bytes of weights by name, in the type and shape that their graph had declared."""


def set_aside(model: ModelProto, which: Callable[[TensorProto], bool]) -> tuple[ModelProto, Data]:
    """A copy of ``model`` in which the weights ``which`` chooses keep name, type and shape alone; and their data.

    The data is moved: ``model`` is of no use afterwards, and whoever holds it holds its memory.
    """
    data: Data = {}
    for weight in model.graph.initializer:
        if weight.HasField("raw_data") and which(weight):
            data[weight.name] = weight.raw_data
            weight.ClearField("raw_data")
    # protobuf gives memory back only with the whole message.
    return type(model).FromString(model.SerializeToString()), data


def put_back(model: ModelProto, data: Data) -> None:
    """Give the weights of ``model`` their data again, taking it out of ``data``.

    Raises `ExportError` when one of them is gone: what rewrote the graph had to see its values.
    """
    for weight in model.graph.initializer:
        if weight.name in data:
            weight.raw_data = data.pop(weight.name)
    check_all_back(data)


def check_all_back(data: Data) -> None:
    """Raise `ExportError` while ``data`` is not empty."""
    if data:
        raise ExportError(f"{len(data)} weights are no longer in the graph, {min(data)} among them")
