"""Manifests are read back as written, or refused in one line."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest

from exporters.errors import ExportError
from exporters.formats import FORMATS
from exporters.manifest import Manifest, Tensor, read_manifest, verify_files, write_manifest
from exporters.onnx.graph import read_model
from exporters.onnx.metadata import read_metadata

MANIFEST = Manifest(
    format="onnx-fp32",
    task="text-classification",
    precision="fp32",
    architecture="bert",
    layers=2,
    hidden=32,
    labels=["bad", "good"],
    pooling="cls",
    max_positions=64,
    inputs=[Tensor("input_ids", "int64", ["batch_size", "sequence_length"])],
    outputs=[Tensor("logits", "float32", ["batch_size", 2])],
    files={
        "model.onnx": {
            "sha256": "2689367b205c16ce32ed4200942b8b8b1e262dfc70d9bc9fbc77c49699a4f1df",
            "bytes": 2,
        }
    },
    source={"checkpoint_sha256": "0"},
    parameters=10,
)


def test_round_trip(tmp_path):
    measured = dataclasses.replace(MANIFEST, opset=18)
    write_manifest(tmp_path, measured)
    assert read_manifest(tmp_path) == measured
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"version": 1, "form', "cannot be read"),
        ('{"version": 2}', "version 2, not 1"),
        ("[]", "version None"),
        ('{"version": 1, "inputs": [], "outputs": []}', "lacks the fields"),
        ('{"version": 1}', "lacks the fields"),
    ],
)
def test_refused(content, words, tmp_path):
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ExportError, match=words) as caught:
        read_manifest(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_field_is_refused(tmp_path):
    raw = {**dataclasses.asdict(MANIFEST), "colour": "blue"}
    (tmp_path / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ExportError, match="colour"):
        read_manifest(tmp_path)


def test_files_are_verified(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"ok")
    content = dataclasses.replace(MANIFEST, files={})
    verify_files(tmp_path, content)
    verify_files(tmp_path, MANIFEST)
    path.write_bytes(b"no")
    with pytest.raises(ExportError, match="other SHA-256"):
        verify_files(tmp_path, MANIFEST)
    path.write_bytes(b"o")
    with pytest.raises(ExportError, match=r"1 bytes.*says 2"):
        verify_files(tmp_path, MANIFEST)
    path.unlink()
    with pytest.raises(ExportError, match="is missing"):
        verify_files(tmp_path, MANIFEST)


@pytest.mark.parametrize("format", [format.name for format in FORMATS.values() if format.family == "onnx"])
def test_the_graph_says_what_it_is(format, artifact, checkpoints):
    """In ONNX's own metadata, once for every key, whatever the file was converted from."""
    folder = artifact("bert-classes", format)
    manifest, model = read_manifest(folder), read_model(folder, weights=False)
    tokenizer = hashlib.sha256((checkpoints["bert-classes"] / "tokenizer.json").read_bytes()).hexdigest()
    assert read_metadata(model) == {
        "checkpoint_sha256": manifest.source["checkpoint_sha256"],
        "format": format,
        "labels": '["bad", "fair", "good"]',
        "pooling": "cls",
        "task": "text-classification",
        "tokenizer_sha256": tokenizer,
    }
    keys = [entry.key for entry in model.metadata_props]
    assert len(keys) == len(set(keys))
