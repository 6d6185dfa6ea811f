"""Bad input ends in one line that names the thing and the way out, and leaves no manifest behind."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save_file

from exporters.artifact import export
from exporters.errors import ExportError
from exporters.files import describe_files
from exporters.manifest import read_manifest, write_manifest

QA = {"task": "question-answering", "pooling": "cls"}


def refuse(words, format, source, destination, **options):
    with pytest.raises(ExportError, match=words) as caught:
        export(format, source, destination, **{**QA, **options})
    assert len(str(caught.value).splitlines()) == 1
    assert not (destination / "manifest.json").exists()


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "artifact"
    folder.mkdir()
    return folder


@pytest.fixture
def copy(tmp_path, checkpoints):
    """A copy of a checkpoint, to be damaged."""
    return shutil.copytree(checkpoints["bert-qa"], tmp_path / "checkpoint")


@pytest.fixture
def parent(tmp_path, artifact):
    """A copy of an ``onnx-fp32`` artifact, to be damaged."""
    return shutil.copytree(artifact("bert-qa", "onnx-fp32"), tmp_path / "parent")


def test_unknown_words(empty, checkpoints):
    source = checkpoints["bert-qa"]
    refuse("format 'onnx-int3' .*onnx-int8-static", "onnx-int3", source, empty)
    refuse("task 'translation'.*question-answering", "onnx-fp32", source, empty, task="translation")
    refuse("pooling 'max'.*mean", "onnx-fp32", source, empty, pooling="max")


def test_a_destination_in_use(empty, checkpoints):
    (empty / "notes.txt").write_text("mine", encoding="utf-8")
    refuse("not an empty folder", "onnx-fp32", checkpoints["bert-qa"], empty)
    refuse("not an empty folder", "onnx-fp32", checkpoints["bert-qa"], empty / "nowhere")


@pytest.mark.parametrize("format", ["torch-fp32", "onnx-fp32"])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_checkpoint_that_lacks_a_file(format, name, empty, copy):
    (copy / name).unlink()
    refuse(f"has no {name}", format, copy, empty)


@pytest.mark.parametrize("format", ["torch-fp32", "onnx-fp32"])
def test_truncated_weights(format, empty, copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    refuse("no readable safetensors", format, copy, empty)


def test_a_configuration_of_something_else(empty, copy):
    (copy / "config.json").write_text('{"model_type": "clip"}', encoding="utf-8")
    refuse("describes no text encoder", "onnx-fp32", copy, empty)
    (copy / "config.json").write_text("{", encoding="utf-8")
    refuse("describes no text encoder", "onnx-fp32", copy, empty)


def test_a_head_of_another_task(empty, checkpoints):
    refuse("no weights for question-answering.*qa_outputs", "onnx-fp32", checkpoints["bert-classes"], empty)


def test_weights_of_another_shape(empty, copy):
    weights = load_file(copy / "model.safetensors")
    weights["qa_outputs.weight"] = np.zeros((3, 32), np.float32)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    refuse("qa_outputs", "onnx-fp32", copy, empty)


def test_an_architecture_without_export(empty, copy):
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    (copy / "config.json").write_text(json.dumps({**config, "model_type": "no-such-model"}), encoding="utf-8")
    refuse("does not load as a model", "onnx-fp32", copy, empty)


def test_a_parent_that_is_no_artifact(empty, checkpoints, artifact):
    refuse("has no manifest.json", "onnx-fp16", checkpoints["bert-qa"], empty)
    refuse("has format 'onnx-fp16'", "onnx-int8-dynamic", artifact("bert-qa", "onnx-fp16"), empty)
    refuse("has task 'text-classification'", "onnx-fp16", artifact("bert-classes", "onnx-fp32"), empty)
    refuse("has pooling 'mean'", "onnx-fp16", artifact("bert-qa", "onnx-fp32", "mean"), empty)


@pytest.mark.parametrize("format", ["onnx-fp16", "onnx-int8-dynamic", "onnx-int8-static"])
def test_a_truncated_parent(format, empty, parent, batches):
    path = parent / "model.onnx"
    path.write_bytes(path.read_bytes()[:50_000])
    refuse("50000 bytes.*truncated", format, parent, empty, calibration=batches)


def test_a_parent_changed_or_gone(empty, parent):
    path = parent / "model.onnx"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refuse("other SHA-256", "onnx-fp16", parent, empty)
    path.unlink()
    refuse("is missing", "onnx-fp16", parent, empty)


@pytest.mark.parametrize("content", [b"", b"not onnx at all", b"\x08\x0a"])
def test_a_parent_that_is_no_onnx_file(content, empty, parent):
    (parent / "model.onnx").write_bytes(content)
    _describe_again(parent)
    refuse("no readable ONNX file", "onnx-fp16", parent, empty)


@pytest.mark.parametrize("name", ["attention_mask", "representation"])
def test_a_parent_without_a_needed_input_or_output(name, empty, parent):
    model = onnx.load(parent / "model.onnx")
    for value in [*model.graph.input, *model.graph.output]:
        if value.name == name:
            value.name = "other"
    onnx.save(model, parent / "model.onnx")
    _describe_again(parent)
    refuse(f"has no .*put '{name}'", "onnx-int8-dynamic", parent, empty)


def test_calibration_that_does_not_fit(empty, parent, batches):
    def batch(**changes):
        return [{**batches[0], **changes}]

    def without(name):
        return [{key: array for key, array in batches[0].items() if key != name}]

    def static(words, calibration):
        refuse(words, "onnx-int8-static", parent, empty, calibration=calibration)

    static("needs calibration batches", None)
    static("needs calibration batches", [])
    static("no padded batch", without("attention_mask"))
    static("needs 'token_type_ids' too", without("token_type_ids"))
    static("no padded batch", batch(input_ids=batches[0]["input_ids"][:, :5]))
    static("no padded batch", [{name: array[0] for name, array in batches[0].items()}])
    static("calibration .*failed", batch(input_ids=batches[0]["input_ids"] + 9999))
    assert not list(empty.iterdir())


def _describe_again(folder):
    manifest = read_manifest(folder)
    files = describe_files(folder, tuple(manifest.files))
    write_manifest(folder, dataclasses.replace(manifest, files=files))
