"""Pruned checkpoints: which weights and heads go, and that the exported graph is the smaller for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import load_file

from exporters.artifact import export
from exporters.onnx.graph import read_model
from exporters.parity import checkpoint_outputs, compare_outputs
from harness.checkpoints.digest import source_digest
from harness.checkpoints.loading import load_model
from harness.checkpoints.materialize import materialize
from harness.checkpoints.pruning import prune_heads, two_of_four
from harness.checkpoints.validate import validate_checkpoint
from harness.config.checkpoints import PrunedCheckpoint
from harness.errors import UserError
from tests.harness.checkpoints.conftest import Saved

QA = "question-answering"


def made(saved: Saved, tmp_path: Path, **pruned: Any) -> tuple[Path, Path]:
    whole, out = saved(), tmp_path / "pruned"
    source = PrunedCheckpoint(pruned="whole", **pruned)
    materialize(source, out, task=QA, labels=None, seed=0, resolve=lambda name: {"whole": whole}[name])
    return whole, out


def test_two_of_four_keeps_the_larger_two() -> None:
    weight = torch.tensor([[1.0, -4.0, 3.0, 2.0, 0.0, 0.0, 0.0, -5.0]])
    assert two_of_four(weight).tolist() == [[0, 1, 1, 0, 1, 0, 0, 1]]  # of equals, the first


def test_half_of_the_encoders_weights_are_zero_and_no_others(saved: Saved, tmp_path: Path) -> None:
    whole, out = made(saved, tmp_path, sparsity="2:4")
    before, after = load_file(whole / "model.safetensors"), load_file(out / "model.safetensors")
    assert before.keys() == after.keys()
    for name, weight in after.items():
        if ".layer." in name and weight.dim() == 2:
            kept = weight.reshape(-1, 4) != 0
            assert (kept.sum(dim=1) == 2).all(), name
            assert torch.equal(weight[weight != 0], before[name][weight != 0])
        else:
            assert torch.equal(weight, before[name]), name
    assert json.loads((out / "config.json").read_text())["sparsity"] == "2:4"
    assert not (before["bert.encoder.layer.0.output.dense.weight"] == 0).any()


def test_the_heads_of_least_magnitude_go(saved: Saved, tmp_path: Path) -> None:
    """Head 1 of layer 0 and head 0 of the others are made small: they are the ones to go."""
    model = load_model(saved(), task=QA)
    small = {0: 1, 1: 0, 2: 0}
    with torch.no_grad():
        for layer, head in small.items():
            rows = slice(8 * head, 8 * head + 8)
            attention = f"bert.encoder.layer.{layer}.attention"
            for projection in ("query", "key", "value"):
                model.get_parameter(f"{attention}.self.{projection}.weight")[rows] *= 0.5
            model.get_parameter(f"{attention}.output.dense.weight")[:, rows] *= 0.5
    values = "bert.encoder.layer.0.attention.self.value.weight"
    left = model.get_parameter(values)[:8].clone()
    pruned = prune_heads(model, 0.5, "whole")
    assert pruned.config.pruned_heads == {layer: [head] for layer, head in small.items()}
    assert torch.equal(pruned.get_parameter(values), left)


def test_fewer_heads_are_a_smaller_graph_that_says_what_its_checkpoint_says(saved: Saved, tmp_path: Path) -> None:
    whole, out = made(saved, tmp_path, heads=0.5)
    sizes = {}
    for name, checkpoint in (("whole", whole), ("pruned", out)):
        folder = tmp_path / f"{name}-fp32"
        folder.mkdir()
        export("onnx-fp32", checkpoint, folder, task=QA, pooling="cls")
        weights = (numpy_helper.to_array(weight) for weight in read_model(folder).graph.initializer)
        sizes[name] = sum(array.size for array in weights if array.dtype == np.float32 and array.ndim == 2)
    # 3 layers; of queries, keys and values 8 rows of 16, of the output 8 columns of 16
    assert sizes["whole"] - sizes["pruned"] == 3 * 4 * 8 * 16
    folder = tmp_path / "pruned-fused"
    folder.mkdir()
    manifest = export("onnx-fused", tmp_path / "pruned-fp32", folder, task=QA, pooling="cls")
    assert manifest.fused_operators is not None and manifest.warnings == []
    assert manifest.fused_operators["Attention"] == 3
    mask = (np.arange(12) < np.array([12, 5])[:, None]).astype(np.int64)
    batch = {"input_ids": mask * 7, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
    expected = checkpoint_outputs(out, QA, "cls", [batch])
    import onnxruntime

    for place in (tmp_path / "pruned-fp32", folder):
        session = onnxruntime.InferenceSession(str(place / "model.onnx"), providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_outputs()]
        actual = [dict(zip(names, session.run(names, batch), strict=True))]
        difference = compare_outputs(expected, actual, [batch], task=QA).largest_logit_difference
        assert difference is not None and difference < 1e-5


def test_a_pruned_checkpoint_is_a_checkpoint(saved: Saved, tmp_path: Path) -> None:
    whole, out = made(saved, tmp_path, heads=0.5)
    before, after = (validate_checkpoint(folder, task=QA, labels=None) for folder in (whole, out))
    assert after.parameters < before.parameters
    assert (after.layers, after.hidden) == (before.layers, before.hidden)


def test_nothing_to_remove_is_said(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"0\.4 of the 2 heads of a layer of 'whole' is none"):
        made(saved, tmp_path, heads=0.4)


def test_other_amounts_have_other_digests() -> None:
    sources = [
        PrunedCheckpoint(pruned="a", sparsity="2:4"),
        *(PrunedCheckpoint(pruned="a", heads=h) for h in (0.5, 0.25)),
    ]
    assert len({source_digest(source) for source in sources}) == 3
