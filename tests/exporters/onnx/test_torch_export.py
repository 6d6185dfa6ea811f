"""Torch's own exporter, in optimum's place: the same names, free axes, operators and answers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

from exporters.artifact import export
from exporters.attack_models import masked_language_model, sentence_encoder
from exporters.errors import ExportError
from exporters.onnx import fp32, fused, trace
from exporters.onnx.graph import interface
from tests.benchmarks.conftest import masked_lm_folder  # noqa: F401  # a fixture
from tests.families.checkpoints import write_checkpoint

pytestmark = pytest.mark.skipif(not trace.has_optimum(), reason="optimum-onnx, to compare with, is not installed")


def leave_optimum_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "has_optimum", lambda: False)


def same_graph(one: Path, other: Path) -> None:
    models = [onnx.load(str(path)) for path in (one, other)]
    assert interface(models[0]) == interface(models[1])
    counts = [Counter(node.op_type for node in model.graph.node) for model in models]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("bert", id="kinds of tokens"),
        pytest.param("roberta", id="one kind, which is not asked for"),
        pytest.param("deberta-v3", id="no kinds"),
    ],
)
def test_a_classifier(name, tmp_path, monkeypatch, run, make_batch):
    checkpoint, *folders = (tmp_path / part for part in ("checkpoint", "optimum", "torch"))
    for folder in (checkpoint, *folders):
        folder.mkdir()
    write_checkpoint(name, checkpoint)
    export("onnx-fp32", checkpoint, folders[0], task="text-classification", pooling="mean")
    leave_optimum_out(monkeypatch)
    export("onnx-fp32", checkpoint, folders[1], task="text-classification", pooling="mean")
    same_graph(*(folder / "model.onnx" for folder in folders))
    (one,), (other,) = (run(folder, [make_batch(1, 3, 20)]) for folder in folders)
    for output, array in one.items():
        np.testing.assert_allclose(other[output], array, atol=1e-6)


@pytest.mark.parametrize("name", ["bert-qa", "distilbert-qa", "bert-embedding"])
def test_other_heads_and_their_fusions(name, checkpoints, tasks, artifact, tmp_path, monkeypatch):
    leave_optimum_out(monkeypatch)
    folder, converted = tmp_path / "torch", tmp_path / "fused"
    folder.mkdir()
    converted.mkdir()
    fp32.write(checkpoints[name], folder, task=tasks[name], pooling="cls")
    same_graph(artifact(name, "onnx-fp32") / "model.onnx", folder / "model.onnx")
    assert fused.write(folder, converted, layers=2, hidden=32) == {}


def test_models_that_an_attack_asks(tmp_path, masked_lm_folder, checkpoints, monkeypatch):  # noqa: F811
    cases = [
        (masked_language_model, masked_lm_folder, ("encoder.onnx", "head.onnx")),
        (sentence_encoder, checkpoints["bert-embedding"], ("encoder.onnx",)),
    ]
    for exporter in ("optimum", "torch"):
        if exporter == "torch":
            leave_optimum_out(monkeypatch)
        for module, checkpoint, _ in cases:
            folder = tmp_path / exporter / module.__name__
            folder.mkdir(parents=True)
            module.write(checkpoint, folder)
    for module, _, names in cases:
        for name in names:
            same_graph(*(tmp_path / exporter / module.__name__ / name for exporter in ("optimum", "torch")))


def test_what_cannot_be_traced_is_one_line(checkpoints, tmp_path, monkeypatch):
    from transformers import BertModel

    leave_optimum_out(monkeypatch)
    monkeypatch.setattr(BertModel, "forward", lambda self, input_ids, **more: input_ids.nope)
    with pytest.raises(ExportError, match=r"torch cannot export 'bert' for question-answering \(.*nope.*\): use torch"):
        fp32.write(checkpoints["bert-qa"], tmp_path, task="question-answering", pooling="cls")
