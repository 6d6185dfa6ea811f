"""Every format of every architecture, task and pooling says what its checkpoint says."""

from __future__ import annotations

import numpy as np
import pytest

from exporters.formats import FORMATS
from exporters.manifest import read_manifest, verify_files
from exporters.onnx.graph import opset, read_model
from exporters.parity import checkpoint_outputs, compare_outputs

HEADS = ("qa", "classes", "tags")
NAMES = (
    *(f"bert-{head}" for head in HEADS),
    *(pytest.param(f"distilbert-{head}", marks=pytest.mark.slow) for head in HEADS),
)
HERE = [format.name for format in FORMATS.values() if format.family != "tensorrt"]  # engines need a GPU
ONNX = [
    name for name in HERE if name not in ("torch-fp32", "onnx-bf16", "onnx-packed", "onnx-packed-fp16")
]  # what ONNX Runtime runs on the CPU
# Of the logits' standard deviation over the batches; random weights are coarser than trained ones.
LARGEST = {
    "onnx-fp32": 1e-5,
    "onnx-fused": 1e-5,
    "onnx-fp16": 0.02,
    "onnx-fused-fp16": 0.02,
    "onnx-int8-dynamic": 0.8,
    "onnx-int8-static": 0.8,
    "onnx-int8-tensorrt": 0.8,
    "onnx-int8-modelopt": 0.8,
    "onnx-fp8": 2.5,
    "onnx-int4": 3,
}
AGREE = {
    **dict.fromkeys(("onnx-int8-dynamic", "onnx-int8-static", "onnx-int8-tensorrt"), 0.75),
    **dict.fromkeys(("onnx-int8-modelopt", "onnx-fp8", "onnx-int4"), 0.4),
}


@pytest.mark.parametrize("pooling", ["cls", pytest.param("mean", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format", ONNX)
def test_agrees_with_the_checkpoint(format, name, pooling, artifact, checkpoints, tasks, batches, run):
    expected = checkpoint_outputs(checkpoints[name], tasks[name], pooling, batches)
    actual = run(artifact(name, format, pooling), batches)
    spread = np.concatenate([batch[next(iter(batch))].ravel() for batch in expected]).std()
    parity = compare_outputs(expected, actual, batches, task=tasks[name])
    assert parity.finite
    assert parity.examples == 24
    assert parity.largest_logit_difference is not None
    assert parity.decision_agreement is not None
    assert parity.largest_logit_difference < LARGEST[format] * spread
    assert parity.largest_representation_difference is not None
    assert parity.largest_representation_difference < LARGEST[format] * 2
    assert parity.decision_agreement >= AGREE.get(format, 1)
    assert all(array.dtype == np.float32 for batch in actual for array in batch.values())


@pytest.mark.parametrize("format", ONNX)
def test_padding_does_not_change_a_row(format, artifact, make_batch, run):
    """A text alone and in a longer batch: INT8-dynamic scales by the batch, the others do not."""
    alone = {name: array[:, :10] for name, array in make_batch(5, 1, 10).items()}
    padded = {name: np.pad(array, ((0, 0), (0, 50))) for name, array in alone.items()}
    first, second = run(artifact("bert-qa", format), [alone, padded])
    difference = np.abs(first["start_logits"] - second["start_logits"][:, :10]).max()
    assert difference < (0.2 if format == "onnx-int8-dynamic" else 0.01) * first["start_logits"].std()


@pytest.mark.parametrize("name", NAMES)
def test_the_opset(name, artifact):
    assert opset(read_model(artifact(name, "onnx-fp32"), weights=False)) >= 18


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format", HERE)
def test_manifest(format, name, artifact, tasks):
    folder = artifact(name, format, "mean")
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    names = {path.name for path in folder.iterdir()}
    assert names == {*manifest.files, "manifest.json"}
    assert "tokenizer.json" in names
    assert (manifest.format, manifest.task, manifest.pooling) == (format, tasks[name], "mean")
    assert (manifest.layers, manifest.hidden, manifest.max_positions) == (2, 32, 64)
    assert manifest.architecture == name.split("-")[0]
    assert manifest.labels == (["bad", "fair", "good"] if name.endswith(("classes", "tags")) else None)
    expected = ["input_ids", "attention_mask"] + (["token_type_ids"] if name.startswith("bert") else [])
    assert [value.name for value in manifest.inputs] == expected
    assert {value.dtype for value in manifest.inputs} == {"int64"}
    logits = ["logits"] if name.endswith(("classes", "tags")) else ["start_logits", "end_logits"]
    assert [value.name for value in manifest.outputs] == [*logits, "representation"]
    assert {value.dtype for value in manifest.outputs} == {"float32"}
    assert manifest.outputs[-1].shape == ["batch_size", 32]
    shapes = {"qa": ["batch_size", "sequence_length"], "classes": ["batch_size", 3]}
    shapes["tags"] = ["batch_size", "sequence_length", 3]
    assert manifest.outputs[0].shape == shapes[name.split("-")[1]]
    assert (manifest.isa is not None) == (format in ("onnx-int8-dynamic", "onnx-int8-static"))
    assert (manifest.calibration is not None) == FORMATS[format].needs_calibration
    assert (manifest.sensitivity is not None) == (format in ("onnx-int8-static", "onnx-int8-tensorrt"))
    assert ("parent_sha256" in manifest.source) == (FORMATS[format].parent is not None)
    if format != "torch-fp32":
        assert manifest.fused_operators is not None
        standard = format in ("onnx-fp32", "onnx-fp16", "onnx-bf16")
        assert (manifest.fused_operators == {}) or not standard
    assert manifest.warnings == []
    assert (manifest.rounding is not None) == (format == "onnx-fp8" or format.endswith("fp16"))


def test_every_manifest_counts_the_same_parameters(artifact):
    installed = [format for format in HERE if FORMATS[format].missing() is None]
    counts = {read_manifest(artifact("bert-qa", format)).parameters for format in installed}
    assert len(counts) == 1


def test_torch_artifact_is_the_checkpoint(artifact, checkpoints):
    folder = artifact("bert-qa", "torch-fp32")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        assert (folder / name).read_bytes() == (checkpoints["bert-qa"] / name).read_bytes()


def test_the_same_again_gives_the_same_bytes(tmp_path, artifact, checkpoints, make_batch):
    from exporters.artifact import export

    calibration = [make_batch(seed, 6, length) for seed, length in enumerate((12, 48, 24, 36))]
    for format, kind in ((format, FORMATS[format]) for format in HERE if FORMATS[format].missing() is None):
        folder = tmp_path / format
        folder.mkdir()
        source = checkpoints["bert-classes"] if kind.parent is None else tmp_path / kind.parent
        export(format, source, folder, task="text-classification", pooling="cls", calibration=calibration)
        first = artifact("bert-classes", format)
        for path in folder.iterdir():
            assert path.read_bytes() == (first / path.name).read_bytes(), path


@pytest.mark.parametrize("format", ["onnx-fp32", "onnx-fused", "onnx-fp16", "onnx-int8-dynamic", "onnx-int4"])
def test_a_width_that_is_no_power_of_two(format, artifact, checkpoints, batches, run):
    """TinyBERT's: 312 wide in 12 heads of 26, so that no block of 32 weights ends where a row does."""
    expected = checkpoint_outputs(checkpoints["tinybert-qa"], "question-answering", "cls", batches)
    folder = artifact("tinybert-qa", format)
    parity = compare_outputs(expected, run(folder, batches), batches, task="question-answering")
    spread = np.concatenate([batch["start_logits"].ravel() for batch in expected]).std()
    assert parity.largest_logit_difference < LARGEST[format] * spread
    if format == "onnx-fused":
        fused = read_manifest(folder).fused_operators
        assert fused is not None and fused["Attention"] == 2


@pytest.mark.parametrize(
    ("name", "pooling"),
    [
        ("bert-embedding", "mean+normalize"),
        ("distilbert-embedding", "cls+normalize"),
        pytest.param("bert-embedding", "cls+normalize", marks=pytest.mark.slow),
        pytest.param("distilbert-embedding", "mean+normalize", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("format", ONNX)
def test_without_a_head_the_graph_is_model_pooling_and_normalisation(
    format, name, pooling, artifact, checkpoints, tasks, batches, run
):
    folder = artifact(name, format, pooling)
    assert [value.name for value in read_manifest(folder).outputs] == ["representation"]
    expected = checkpoint_outputs(checkpoints[name], tasks[name], pooling, batches)
    actual = run(folder, batches)
    parity = compare_outputs(expected, actual, batches, task=tasks[name])
    assert (parity.decision_agreement, parity.largest_logit_difference) == (None, None)
    assert parity.largest_representation_difference is not None
    assert parity.largest_representation_difference < LARGEST[format] * 0.5
    lengths = np.linalg.norm(np.concatenate([batch["representation"] for batch in actual]), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    unscaled = checkpoint_outputs(checkpoints[name], tasks[name], pooling.removesuffix("+normalize"), batches)
    rows = np.concatenate([batch["representation"] for batch in unscaled])
    wanted = np.concatenate([batch["representation"] for batch in expected])
    np.testing.assert_allclose(rows / np.linalg.norm(rows, axis=1, keepdims=True), wanted, atol=1e-6)
