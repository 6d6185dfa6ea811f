"""The manifest of an artifact: what it is, what it was made from, and how to check that it is whole."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from exporters.errors import ExportError
from exporters.files import sha256
from exporters.tasks import Activation

VERSION = 1
FILE_NAME = "manifest.json"


@dataclass(frozen=True)
class Tensor:
    """An input or output: ``shape`` holds numbers and, for a dynamic axis, its name."""

    name: str
    dtype: str
    shape: list[int | str]


@dataclass(frozen=True)
class Manifest:
    """What `export` wrote. Everything in it is a function of the source, the options and the versions."""

    format: str
    task: str
    precision: str
    architecture: str | None
    """The ``model_type`` of the checkpoint's configuration; None for a file that came without one."""
    layers: int | None
    hidden: int | None
    labels: list[str] | None
    """Class names in the order of the logits; None where its head names none."""
    pooling: str
    max_positions: int | None
    """The longest sequence that the position embeddings reach, in tokens: see `exporters.positions`."""
    inputs: list[Tensor]
    outputs: list[Tensor]
    files: dict[str, dict[str, Any]]
    """``{file name: {"sha256": str, "bytes": int}}``, the manifest itself left out."""
    source: dict[str, str]
    """``checkpoint_sha256``, and where it is a hub's ``hub``, ``revision`` and ``commit``; ``converted_from``, where
    weights came out of a pickle, its name; for a format made from
    another ``parent`` and ``parent_sha256``; ``onnx_sha256`` of a finished file."""
    parameters: int | None
    """Numbers in the checkpoint's weights, whatever the precision they are stored in here; of a finished file, in
    its own. An engine does not tell."""
    activation: Activation | None = None
    """Of a head with one output, what turns that into the score; the graph does not hold it."""
    pad_token: int = 0
    """The id that shorter rows of ``input_ids`` are filled up with."""
    opset: int | None = None
    isa: str | None = None
    """INT8: the instruction set that the weights' range was chosen for."""
    calibration: dict[str, Any] | None = None
    sensitivity: dict[str, Any] | None = None
    """Static INT8: `exporters.quantization.sensitivity.Sensitivity` as a dictionary."""
    fused_operators: dict[str, int] | None = None
    """Nodes outside the ONNX standard, by operator: what ties the file to one runtime. Often empty."""
    rounding: dict[str, int] | None = None
    """FP16 and FP8: `exporters.onnx.fp16.Rounding` as a dictionary, counts of weights."""
    warnings: list[str] = field(default_factory=list)
    """What went less well than it should: fusions that were lost, weights out of range."""
    versions: dict[str, str] = field(default_factory=dict)
    found: dict[str, Any] | None = None
    """A finished file: its weights by type, its nodes of quantization, and how its graph was changed. The first two of
    ModelOpt's formats as well, with their matmuls by type."""
    version: int = VERSION


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` into ``folder``, beside its place first, so that it is whole or absent."""
    text = json.dumps(dataclasses.asdict(manifest), indent=2, ensure_ascii=False) + "\n"
    partial = folder / f"{FILE_NAME}.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / FILE_NAME)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an artifact folder.

    Raises `ExportError` when it is missing, truncated, of another version or lacks a field.
    """
    path = folder / FILE_NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportError(f"{folder} has no {FILE_NAME}: no artifact, or one whose export did not finish") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ExportError(f"{path} cannot be read ({error}): export the artifact again") from None
    if not isinstance(raw, dict) or raw.get("version") != VERSION:
        version = raw.get("version") if isinstance(raw, dict) else None
        raise ExportError(f"{path} is of version {version!r}, not {VERSION}: export the artifact again")
    try:
        tensors = {key: [Tensor(**tensor) for tensor in raw[key]] for key in ("inputs", "outputs")}
        return Manifest(**{**raw, **tensors})
    except (KeyError, TypeError) as error:
        raise ExportError(f"{path} lacks the fields of a manifest ({error}): export it again") from None


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Raise `ExportError` for a file that is missing or that changed since the manifest was written."""
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise ExportError(f"{path} is missing, its manifest names it: export the artifact again")
        if path.stat().st_size != expected["bytes"]:
            raise ExportError(
                f"{path} has {path.stat().st_size} bytes, its manifest says {expected['bytes']} "
                "(truncated?): export the artifact again"
            )
        if sha256(path) != expected["sha256"]:
            raise ExportError(f"{path} is not its manifest's file (other SHA-256): export the artifact again")


def library_versions() -> dict[str, str]:
    """Versions of the libraries whose release may change an exported file."""
    names = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime", "onnxruntime-gpu")
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
