"""Exemplars by hand and by brute force."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.characteristics.exemplars import Exemplar, find
from benchmarks.errors import BenchmarkError

GOLD = np.array(["Paris", "1990", "", "Ellis"])
PREDICTIONS = {
    "a": ["Paris", "1990", "snow", "Ellis"],
    "large": ["Paris", "1990", "", "Rouen"],
    "b": ["Paris", "", "snow", "Ellis"],
    "c": ["Lyon", "", "rain", "Ellis"],
    "d": ["Lyon", "1991", "rain", "Rouen"],
}


def right(predictions=PREDICTIONS, gold=GOLD):
    return {name: np.asarray(column) == gold for name, column in predictions.items()}


def test_by_hand():
    found = find(PREDICTIONS, right(), "large", ["p", "q", "r", "s"])
    assert found.exemplars == [
        Exemplar("s", "Rouen", "Ellis", ["a", "b", "c"], False, True, None),
        Exemplar("p", "Paris", "Lyon", ["c", "d"], True, False, None),
        Exemplar("q", "1990", "", ["b", "c"], True, False, None),
        Exemplar("r", "", "snow", ["a", "b"], True, False, None),  # rain as often, but snow is said first
    ]
    # Only on s do more than 2 of the 4 others agree.
    assert (found.n, found.others, found.shared, found.majority) == (4, 4, 4, 1)
    json.dumps(asdict(found), allow_nan=False)


def test_confidence_breaks_ties():
    certainty = {name: np.full(4, 0.5) for name in "abcd"}
    certainty["c"] = np.array([0.5, 0.9, 0.9, 0.1])
    found = find(PREDICTIONS, right(), "large", [3, 2, 1, 0], confidence=certainty)
    assert [(one.id, one.shared_prediction) for one in found.exemplars] == [
        (0, "Ellis"),  # most deployments, whatever their confidence
        (1, "rain"),  # 0.7 as that of id 2, and the lower id; above snow's 0.5
        (2, ""),
        (3, "Lyon"),
    ]
    assert [one.confidence for one in found.exemplars] == pytest.approx([(0.5 + 0.5 + 0.1) / 3, 0.7, 0.7, 0.5])
    assert find(PREDICTIONS, right(), "large", [3, 2, 1, 0], at_most=2).exemplars[1].id == 1


def test_the_answer_of_more_deployments_comes_before_that_of_confident_ones():
    predictions = {"large": ["x"], "a": ["y"], "b": ["y"], "c": ["z"], "d": ["z"], "e": ["z"]}
    certainty = {name: np.array([0.9 if name in "ab" else 0.2]) for name in "abcde"}
    [only] = find(predictions, right(predictions, np.array(["x"])), "large", ["p"], confidence=certainty).exemplars
    assert (only.shared_prediction, only.shared_by) == ("z", ["c", "d", "e"])


def test_against_brute_force():
    rng = np.random.default_rng(0)
    names = ["large", *"abcdefg"]
    gold = rng.choice(["x", "y", "z", ""], 200)
    predictions = {name: np.where(rng.random(200) < 0.5, gold, rng.choice(["x", "y", "z", ""], 200)) for name in names}
    ids = [f"{position:03}" for position in rng.permutation(200)]
    found = find(predictions, right(predictions, gold), "large", ids, at_most=200)
    counts = {}
    for row, name in enumerate(ids):
        said = [str(predictions[other][row]) for other in "abcdefg"]
        counts[name] = max(said.count(answer) if answer != predictions["large"][row] else 0 for answer in said)
    expected = sorted((name for name in ids if counts[name] >= 2), key=lambda name: (-counts[name], name))
    assert [one.id for one in found.exemplars] == expected
    assert found.shared == len(expected)
    assert found.majority == sum(count >= 4 for count in counts.values())
    for one in found.exemplars:
        assert isinstance(one.id, str)
        row = ids.index(one.id)
        sharing = [name for name in "abcdefg" if predictions[name][row] == one.shared_prediction]
        assert one.shared_by == sharing
        assert len(sharing) == counts[one.id]
        assert one.shared_prediction != one.reference_prediction == predictions["large"][row]
        assert one.shared_right == (gold[row] == one.shared_prediction)
        assert one.reference_right == (gold[row] == one.reference_prediction)


def test_one_other_agrees_with_nobody():
    two = {"large": [0, 1], "small": [1, 1]}
    found = find(two, {name: np.array([True, True]) for name in two}, "large", ["p", "q"])
    assert (found.exemplars, found.shared, found.majority) == ([], 0, 1)
    alone = find({"large": [0]}, {"large": np.array([True])}, "large", ["p"])
    assert (alone.n, alone.others, alone.majority) == (1, 0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "huge"}, "reference 'huge' is none of the deployments: a, large"),
        ({"at_most": -1}, "at_most = -1"),
        ({"ids": ["p", "q", "r", "r"]}, "ids: 4 entries, 3 distinct"),
        ({"ids": []}, "ids: 0 entries"),
        ({"ids": ["p", "q", "r"]}, "predictions of large: .* of shape"),
        ({"predictions": PREDICTIONS | {"b": [1, 2, 3, 4]}}, "predictions: strings of some"),
        ({"predictions": PREDICTIONS | {"b": [0.5] * 4}}, "predictions of b: float64"),
        ({"correct": {"large": np.ones(4, dtype=bool)}}, "correct of a"),
        ({"correct": right() | {"b": np.ones(4)}}, "correct of b: float64"),
        ({"correct": right() | {"b": np.array([True, True, True, False])}}, "example s: one prediction"),
        ({"confidence": {"a": np.ones(4)}}, "confidence of b"),
        ({"confidence": {name: np.full(4, np.nan) for name in "abcd"}}, "confidence of a"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"predictions": PREDICTIONS, "correct": right(), "reference": "large", "ids": ["p", "q", "r", "s"]}
    with pytest.raises(BenchmarkError, match=message) as error:
        find(**(good | change))
    assert "\n" not in str(error.value)
