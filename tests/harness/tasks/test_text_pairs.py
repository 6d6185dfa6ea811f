"""Pairs of texts: what an attack changes of them, their attributes, and the sides of a score."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.characteristics.attributes import of_pairs
from harness.config.tasks import Threshold
from harness.examples.records import ScoredPair, TextPair
from harness.tasks.attacked import Attacked
from harness.tasks.features import Features
from harness.tasks.task import task_for

PAIR = TextPair("p:0", "g", "a man sleeps", 1, "he is awake")


@pytest.mark.parametrize(("target", "other"), [("text", "text_pair"), ("text_pair", "text")])
def test_an_attack_changes_one_text_and_leaves_the_other(target, other):
    attacked = Attacked(PAIR, target)
    changed = attacked.with_text("he runs")
    assert isinstance(changed, TextPair)
    assert attacked.text == getattr(PAIR, target)
    assert getattr(changed, target) == "he runs"
    assert getattr(changed, other) == getattr(PAIR, other)
    assert (attacked.label, changed.label, attacked.left_alone) == (1, 1, [])
    assert task_for("text-pair-classification").as_examples([changed]) == [changed]


def test_overlap_is_of_the_first_texts_content_words():
    found = of_pairs([("the red wing lifts", "a wing"), ("the", "a wing")], ["a", "b"])
    np.testing.assert_allclose(np.asarray(found["overlap"], np.float64), [1 / 3, np.nan])
    assert list(found["length"]) == [6, 3]


@pytest.mark.parametrize(
    ("activation", "threshold", "scores", "predictions"),
    [
        ("identity", 0.75, [-1.0, 0.75, 2.0], ["low", "high", "high"]),
        ("sigmoid", 0.7, [0.26894, 0.67918, 0.8808], ["low", "low", "high"]),
    ],
)
def test_scores_are_behind_the_activation_and_reach_a_threshold_or_not(activation, threshold, scores, predictions):
    pairs = [ScoredPair(f"p:{index}", "", "a", "b", gold) for index, gold in enumerate([3.0, 2.9, 5.0])]
    features = Features({"input_ids": [np.zeros(4, np.int64)] * 3}, np.arange(3))
    logits = {"logits": [np.array([value], np.float32) for value in (-1.0, 0.75, 2.0)]}
    task = task_for("text-pair-regression", threshold=Threshold(data=3, prediction=threshold))
    table = task.with_max_tokens(16).activated(activation).table(pairs, features, logits)
    np.testing.assert_allclose(table["predicted_score"].to_numpy(), scores, atol=1e-5)
    assert table["prediction"].to_pylist() == predictions
    wanted = [gold == found for gold, found in zip(["high", "low", "high"], predictions, strict=True)]
    assert table["correct"].to_pylist() == wanted
