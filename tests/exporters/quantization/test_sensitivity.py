"""How sensitive each group of matmuls is, and which stay float32."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from exporters.artifact import export
from exporters.manifest import read_manifest
from exporters.onnx.graph import read_model
from exporters.quantization import sensitivity
from exporters.quantization.matmul_groups import MatmulGroup
from exporters.quantization.qdq import QuantizedGroup


@pytest.mark.parametrize("name", ["bert-qa", "distilbert-qa", "bert-classes"])
def test_the_report_names_every_group(name, artifact):
    report = read_manifest(artifact(name, "onnx-int8-static")).sensitivity
    assert report is not None
    root = "bert/encoder" if name.startswith("bert") else "distilbert/transformer"
    assert len(report["groups"]) == 8
    assert all(
        group.startswith(f"{root}/layer.{layer}/") for layer, group in zip("00001111", report["groups"], strict=True)
    )
    assert 0 < max(report["groups"].values()) < report["together"] < 0.5
    assert report["rows"] >= 4 and 0 < report["tokens"] <= sensitivity.TOKENS


def test_a_group_quantized_alone_is_what_leaving_out_the_others_says(artifact, tmp_path, batches, run, monkeypatch):
    """The report's switches against an artifact in which all groups but one are left float32."""
    parent = artifact("bert-qa", "onnx-fp32")
    chosen: list[str] = []

    def all_but_the_first(quantized, errors):
        chosen.extend(entry.group.name for entry in quantized[1:])
        return chosen

    monkeypatch.setattr(sensitivity, "_left_float", all_but_the_first)
    monkeypatch.setattr("exporters.quantization.int8_static.quantize_embeddings", lambda *_: None)
    manifest = export(
        "onnx-int8-static", parent, tmp_path, task="question-answering", pooling="cls", calibration=batches
    )
    assert manifest.sensitivity is not None and manifest.sensitivity["left_float"] == chosen
    kinds = [node.op_type for node in read_model(tmp_path).graph.node]
    assert kinds.count("QuantizeLinear") == 1
    expected, actual = run(parent, batches), run(tmp_path, batches)
    differences, logits = [], []
    for batch, wanted, given in zip(batches, expected, actual, strict=True):
        for name in ("start_logits", "end_logits"):
            kept = batch["attention_mask"].astype(bool)
            differences.append((wanted[name] - given[name])[kept])
            logits.append(wanted[name][kept])
    error = (np.concatenate(differences) ** 2).mean() / np.concatenate(logits).var()
    first = next(iter(manifest.sensitivity["groups"].values()))
    assert error == pytest.approx(first, rel=0.1)


def test_what_moves_the_logits_far_more_than_the_rest_stays_float32():
    errors = [0.02, 0.001, 0.0001, 0.0001, 0.0001]
    assert _left(errors, weights=[1, 1, 30, 30, 38]) == ["0"]
    assert _left(errors, weights=[20, 1, 30, 30, 19]) == []  # too large a share of the model
    assert _left([0.005, *errors[1:]], weights=[1, 1, 30, 30, 38]) == []  # an outlier that nobody notices
    assert _left([0.02] * 5, weights=[1, 1, 30, 30, 38]) == []  # bad, but as bad as all


def _left(errors, weights):
    groups = [
        QuantizedGroup(
            MatmulGroup(str(index), "input", "LayerNormalization", (onnx.NodeProto(),)),
            [],
            [numpy_helper.from_array(np.zeros((size, 1), np.int8), "weight")],
        )
        for index, size in enumerate(weights)
    ]
    return sensitivity._left_float(groups, errors)
