"""Parity leaves padding out, and calls what is not finite by its name."""

from __future__ import annotations

import numpy as np
import pytest

from exporters.errors import ExportError
from exporters.parity import LEAST_SPREAD, compare_outputs

MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
BATCH = {"attention_mask": MASK}
QA = "question-answering"


def answers(**changes):
    start = np.array([[0, 3, 1, 2], [2, 1, 0, 0]], np.float32)
    outputs = {"start_logits": start, "end_logits": start[:, ::-1].copy(), "representation": np.ones((2, 3))}
    return {**outputs, **changes}


def figures(parity):
    return (
        parity.examples,
        parity.largest_logit_difference,
        parity.mean_logit_difference,
        parity.largest_representation_difference,
        parity.decision_agreement,
        parity.finite,
    )


def test_the_same():
    assert figures(compare_outputs([answers()], [answers()], [BATCH], task=QA)) == (2, 0.0, 0.0, 0.0, 1.0, True)


def test_of_labels_each_is_decided_by_its_sign():
    def labels(*rows):
        return {"logits": np.array(rows, np.float32), "representation": np.ones((2, 3))}

    wanted, given = labels([2, -1, 3], [-1, -2, 1]), labels([1, -3, 9], [-1, 0.5, 1])
    for task, agreement in (("multi-label-classification", 0.5), ("text-classification", 1.0)):
        assert compare_outputs([wanted], [given], [BATCH], task=task).decision_agreement == agreement


def test_padding_is_left_out():
    start = answers()["start_logits"].copy()
    start[1, 2:] = [np.nan, 1e30]
    assert figures(compare_outputs([answers()], [answers(start_logits=start)], [BATCH], task=QA)) == (
        2,
        0,
        0,
        0,
        1,
        True,
    )


def test_differences_and_decisions():
    start = answers()["start_logits"].copy()
    start[0] = [0, 1, 1, 2]  # the best start moves, by a change of 2 in one of 12 kept logits
    other = answers(start_logits=start, representation=np.full((2, 3), 1.5))
    parity = compare_outputs([answers()], [other], [BATCH], task=QA)
    assert figures(parity) == (2, 2.0, pytest.approx(2 / 12), 0.5, 0.5, True)
    start, end, representation = (parity.outputs[name] for name in ("start_logits", "end_logits", "representation"))
    assert (start.largest, end.largest, representation.largest) == (2.0, 0.0, 0.5)
    assert start.mean == pytest.approx(2 / 6)
    assert start.spread == pytest.approx(np.std([0, 3, 1, 2, 2, 1]))  # of what is not padding
    assert start.share == pytest.approx(np.sqrt(4 / 6) / start.spread)
    assert representation.spread == LEAST_SPREAD  # all ones: no spread at all


def test_unrelated_outputs_are_more_than_their_spread_apart():
    random = np.random.default_rng(0)
    expected, actual = ({"logits": random.normal(5, 2, (400, 2))} for _ in range(2))
    batch = {"attention_mask": np.ones((400, 3))}
    share = compare_outputs([expected], [actual], [batch], task="text-classification").outputs["logits"].share
    assert share == pytest.approx(2**0.5, rel=0.1)


def test_classes():
    expected = {"logits": np.array([[1.0, 2], [3, 0]]), "representation": np.zeros((2, 3))}
    actual = {**expected, "logits": np.array([[1.0, 2], [0.5, 1]])}
    parity = compare_outputs([expected], [actual], [BATCH], task="text-classification")
    assert parity.largest_logit_difference == 2.5
    assert parity.decision_agreement == 0.5


def test_classes_of_tokens():
    """Every token decides; what stands at padding does not, and may be anything."""
    logits = np.zeros((2, 4, 3))
    logits[..., 1] = 2
    other = logits.copy()
    other[0, 3] = [2, 0, 0]  # one token of the first text says another class
    other[1, 2] = np.nan
    other[1, 3] = [9, 0, 0]
    outputs = {"representation": np.zeros((2, 3))}
    parity = compare_outputs(
        [{**outputs, "logits": logits}], [{**outputs, "logits": other}], [BATCH], task="token-classification"
    )
    assert figures(parity) == (2, 2.0, pytest.approx(4 / 18), 0.0, 7 / 8, True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("output", ["start_logits", "representation"])
def test_not_finite(output, value):
    array = answers()[output].copy()
    array[1, 0] = value
    parity = compare_outputs([answers()], [answers(**{output: array})], [BATCH], task=QA)
    assert not parity.finite
    assert parity.largest_logit_difference is parity.mean_logit_difference is None
    assert parity.outputs[output].share is None and parity.outputs["end_logits"].share == 0
    assert parity.decision_agreement == (0.5 if output == "start_logits" else 1.0)


def test_outputs_that_do_not_fit():
    for wrong in (answers(start_logits=np.zeros((2, 3))), {"start_logits": np.zeros((2, 4))}):
        with pytest.raises(ExportError, match="should be"):
            compare_outputs([answers()], [wrong], [BATCH], task=QA)
    with pytest.raises(ExportError, match="every batch"):
        compare_outputs([answers()], [], [BATCH], task=QA)
