"""DistilBERT's mask takes BERT's form, and says the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from exporters.onnx.additive_mask import add_mask
from exporters.onnx.graph import read_model


@pytest.mark.parametrize("name", ["distilbert-qa", "distilbert-classes"])
def test_no_scores_are_overwritten(name, artifact):
    graph = read_model(artifact(name, "onnx-fp32")).graph
    kinds = Counter(node.op_type for node in graph.node)
    assert kinds["Where"] == kinds["Expand"] == kinds["Equal"] == 0
    producer = {name: node for node in graph.node for name in node.output}
    scores = [producer[node.input[0]] for node in graph.node if node.op_type == "Softmax"]
    assert [node.op_type for node in scores] == ["Add", "Add"]
    assert len({node.input[1] for node in scores}) == 1  # one mask for all layers


def test_bert_is_left_alone(artifact):
    model = read_model(artifact("bert-qa", "onnx-fp32"))
    before = model.SerializeToString(deterministic=True)
    add_mask(model)
    assert model.SerializeToString(deterministic=True) == before


def test_what_is_masked_does_not_matter(artifact, make_batch, run):
    first, second = make_batch(1, 4, 20), make_batch(2, 4, 20)
    masked = first["attention_mask"] == 0
    second["input_ids"] = np.where(masked, second["input_ids"] + 7, first["input_ids"])
    for a, b in zip(*(run(artifact("distilbert-qa", "onnx-fp32"), [batch]) for batch in (first, second)), strict=True):
        np.testing.assert_array_equal(a["start_logits"][~masked], b["start_logits"][~masked])
