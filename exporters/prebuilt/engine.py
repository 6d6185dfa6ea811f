"""``tensorrt-prebuilt``: a TensorRT engine built elsewhere; only TensorRT on its GPU can tell its contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from exporters.errors import ExportError
from exporters.files import TOKENIZER, TOKENIZER_SETTINGS, describe_files, require, sha256
from exporters.format import Format
from exporters.manifest import Manifest, library_versions, write_manifest
from exporters.prebuilt.files import copy_unchanged
from exporters.prebuilt.onnx import DeclaredMetadata
from exporters.tensorrt.engine import ENGINE

FORMAT = Format(
    "tensorrt-prebuilt",
    family="tensorrt",
    precision=None,
    arithmetic="as built",
    summary="a TensorRT engine of your own, likewise",
)
MAGIC = b"ftrt"
"""The first bytes of every engine."""


def look_at_engine(path: Path) -> dict[str, str]:
    """SHA-256 by name of the engine at ``path``; `ExportError` where there is no engine."""
    if path.is_dir():
        raise ExportError(f"{path} is a folder, not a TensorRT engine: name the engine file in it")
    if not path.is_file():
        raise ExportError(f"{path}: no such file: give the path of a TensorRT engine")
    try:
        with path.open("rb") as file:
            first = file.read(len(MAGIC))
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror}): check its permissions") from None
    if first != MAGIC:
        raise ExportError(
            f"{path} is no TensorRT engine ({path.stat().st_size:,} bytes; it begins with {first!r}): give what "
            "trtexec or Polygraphy saved, or the ONNX file as onnx: FILE"
        )
    return {ENGINE: sha256(path)}


def export_prebuilt_engine(
    path: Path,
    destination: Path,
    *,
    task: str,
    labels: Sequence[str],
    pooling: str,
    declared: DeclaredMetadata,
    digests: Mapping[str, str],
) -> Manifest:
    """Write the artifact of the engine at ``path`` into ``destination``, which holds its ``tokenizer.json`` already.

    Its inputs and outputs are checked when it is opened. Raises `ExportError` where it changed since ``digests``.
    """
    require(destination, TOKENIZER, "write the tokenizer there first")
    copy_unchanged(path, destination / ENGINE, digests[ENGINE])
    manifest = Manifest(
        format=FORMAT.name,
        task=task,
        precision=declared.precision or FORMAT.arithmetic,
        architecture=None,
        layers=None,
        hidden=None,
        labels=list(labels) or None,
        activation=declared.activation,
        pooling=pooling,
        max_positions=declared.max_positions,
        pad_token=declared.pad_token,
        inputs=[],
        outputs=[],
        files=describe_files(destination, (ENGINE, TOKENIZER, TOKENIZER_SETTINGS)),
        source={"engine_sha256": digests[ENGINE]},
        parameters=None,
        versions=library_versions(),
    )
    write_manifest(destination, manifest)
    return manifest
