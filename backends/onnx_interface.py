"""Checks of an ONNX artifact's inputs and outputs, the same for every runtime that reads ONNX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backends.backend import KNOWN_INPUTS, NEEDED_INPUTS
from backends.errors import BackendError


@dataclass(frozen=True)
class Port:
    """An input or output of a graph. ``shape`` holds an int for a fixed axis, None for a free one."""

    name: str
    type: str
    shape: tuple[int | None, ...]


def model_file(backend: str, artifact: Path) -> Path:
    """The ``model.onnx`` of an artifact folder."""
    path = artifact / "model.onnx"
    if not path.is_file():
        raise BackendError(f"{backend}: no model.onnx in {artifact}; export the model to an onnx format")
    if path.stat().st_size == 0:
        raise BackendError(f"{backend}: {path} is empty; export it again")
    return path


def check_ports(
    backend: str,
    path: Path,
    inputs: Iterable[Port],
    outputs: Iterable[Port],
    needed_outputs: tuple[str, ...],
    *,
    types: tuple[str, ...] = ("int64",),
) -> tuple[str, ...]:
    """The names of the inputs to feed, each of one of ``types``, or a `BackendError` that says what the graph lacks."""
    given = {port.name: port for port in inputs}
    for name in NEEDED_INPUTS:
        if name not in given:
            raise BackendError(
                f"{backend}: {path} has no input {name!r} (it has: {', '.join(given) or 'none'}); "
                "export it again with scalemodel"
            )
    for name, port in given.items():
        if name not in KNOWN_INPUTS:
            raise BackendError(
                f"{backend}: {path} needs the input {name!r}, which no task here provides "
                f"(known: {', '.join(KNOWN_INPUTS)})"
            )
        if port.type not in types:
            raise BackendError(f"{backend}: input {name!r} of {path} is {port.type}; it must be {' or '.join(types)}")
        if len(port.shape) != 2 or any(size is not None for size in port.shape):
            shape = " x ".join("free" if size is None else str(size) for size in port.shape)
            raise BackendError(
                f"{backend}: input {name!r} of {path} has the shape {shape}; "
                "export it with free batch and sequence axes"
            )
    there = {port.name for port in outputs}
    for name in needed_outputs:
        if name not in there:
            raise BackendError(
                f"{backend}: {path} has no output {name!r} (it has: {', '.join(sorted(there)) or 'none'}); "
                "export it again for this task"
            )
    return tuple(given)
