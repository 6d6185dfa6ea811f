"""An ONNX file that somebody else made: reading it, and finding and copying the files that its weights are in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from exporters.errors import ExportError
from exporters.files import TOKENIZER, TOKENIZER_SETTINGS, check_inside, sha256
from exporters.onnx.graph import MODEL

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

PROTOBUF_LIMIT = 2**31
"""Bytes; no ONNX file can be larger, its weights then lie beside it."""

TAKEN = (MODEL, TOKENIZER, TOKENIZER_SETTINGS, "manifest.json")
"""Names in an artifact's folder that no file of weights may have."""


def read_prebuilt(path: Path) -> ModelProto:
    """Read the graph in ``path``; weights that lie in other files stay there.

    Raises `ExportError`: no file, no ONNX file, or a truncated one.
    """
    import onnx

    if path.is_dir():
        raise ExportError(f"{path} is a folder, not an ONNX file: name the .onnx file in it")
    if not path.is_file():
        raise ExportError(f"{path}: no such file: give the path of an ONNX file")
    size = path.stat().st_size
    if size >= PROTOBUF_LIMIT:
        raise ExportError(
            f"{path} has {size:,} bytes, more than an ONNX file can hold (2 GiB): keep its weights beside it, with "
            "onnx.save_model(..., save_as_external_data=True)"
        )
    try:
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
    except MemoryError:
        raise
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror}): check its permissions") from None
    except Exception as error:  # protobuf and onnx raise several kinds
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ExportError(f"{path} is no whole ONNX file ({size:,} bytes; {reason}): copy or export it again") from None
    standard = any(entry.domain in ("", "ai.onnx") for entry in model.opset_import)
    if not model.graph.node or not standard:
        raise ExportError(f"{path} is no whole ONNX file ({size:,} bytes; no graph in it): copy or export it again")
    return model


def weight_files(model: ModelProto, path: Path) -> list[str]:
    """Names, relative to the folder of ``path``, of the files that hold weights of ``model``.

    Raises `ExportError` for one that is missing, shorter than the graph says, or outside that folder, by its
    name or by a link: a file from elsewhere must not be able to name any file of this machine.
    """
    needed: dict[str, int] = {}
    for tensor in _tensors(model.graph):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if tensor.data_location != tensor.EXTERNAL:
            continue
        name = entries.get("location", "")
        end = _whole(entries.get("offset")) + _whole(entries.get("length"))
        needed[name] = max(needed.get(name, 0), end)
    for name, end in sorted(needed.items()):
        place = PurePosixPath(name)
        if not name or place.is_absolute() or ".." in place.parts or "\\" in name or str(place) in TAKEN:
            raise ExportError(
                f"{path} has weights in {name!r}, which is no name of a file beside it: save it again with "
                "onnx.save_model(..., save_as_external_data=True)"
            )
        file = path.parent / name
        if not file.is_file():
            raise ExportError(f"{path} has weights in {name!r}, which is not beside it: copy {file} there too")
        check_inside(file, path.parent)
        if file.stat().st_size < end:
            raise ExportError(
                f"{file} has {file.stat().st_size:,} bytes, {path.name} needs {end:,} of it: copy it again"
            )
    return sorted(needed)


def prebuilt_digests(path: Path, names: list[str]) -> dict[str, str]:
    """SHA-256 of ``path``, under ``model.onnx``, and of the files of weights ``names`` beside it."""
    return {MODEL: sha256(path), **{name: sha256(path.parent / name) for name in names}}


def copy_prebuilt(path: Path, destination: Path, digests: Mapping[str, str]) -> None:
    """Copy ``path`` to ``destination/model.onnx`` and its files of weights along, under their names.

    Copied, never linked: the original is somebody else's and may be written to. Raises `ExportError` where a
    copy is not what ``digests`` says: the file changed in the meantime.
    """
    for name, digest in digests.items():
        copy_unchanged(path if name == MODEL else path.parent / name, destination / name, digest)


def copy_unchanged(source: Path, copy: Path, digest: str) -> None:
    """Copy a file; `ExportError` where the copy is not what ``digest`` says."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, copy)
    except FileNotFoundError:
        raise ExportError(f"{source} is gone since the study was read: run again when it is whole") from None
    if sha256(copy) != digest:
        raise ExportError(f"{source} changed since the study was read (other SHA-256): run again when it is whole")


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every constant of a graph: its weights, those in nodes, those of graphs inside of nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)
            for inner in attribute.graphs:
                yield from _tensors(inner)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
