"""Exemplars by hand, by brute force, and the majority that chance would give."""

import json
from dataclasses import asdict
from itertools import product

import numpy as np
import pytest

from benchmarks.characteristics.exemplars import Exemplar, find, majority_chance
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
    a, b, c, d = 2 / 4, 3 / 4, 4 / 4, 3 / 4
    three = a * b * c * (1 - d) + a * b * (1 - c) * d + a * (1 - b) * c * d + (1 - a) * b * c * d
    assert found.majority_expected == pytest.approx(4 * (three + a * b * c * d))
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


def test_chance_of_a_majority_by_enumeration():
    rates = np.array([0.1, 0.25, 0.6, 0.9, 0.0, 1.0])
    for count in range(1, 7):
        total = 0.0
        for change in product([False, True], repeat=count):
            if sum(change) > count / 2:
                total += np.prod(np.where(change, rates[:count], 1 - rates[:count]))
        assert majority_chance(rates[:count]) == pytest.approx(total, abs=1e-12)


def test_independent_changes_of_two_classes_give_the_expected_majority_and_shared_ones_more():
    rng = np.random.default_rng(1)
    n, names = 20000, list("abcde")
    predictions = {"large": rng.integers(0, 2, n)}
    correct = {name: np.ones(n, dtype=bool) for name in ("large", *names)}
    for name in names:
        predictions[name] = predictions["large"] ^ (rng.random(n) < 0.25)
    found = find(predictions, correct, "large", range(n), at_most=0)
    assert found.majority_expected is not None
    error = np.sqrt(found.majority_expected)
    assert abs(found.majority - found.majority_expected) < 4 * error
    assert found.exemplars == []
    hard = rng.random(n) < 0.5
    for name in names:
        predictions[name] = predictions["large"] ^ (hard & (rng.random(n) < 0.5))
    found = find(predictions, correct, "large", range(n), at_most=0)
    assert found.majority_expected is not None
    assert found.majority > found.majority_expected + 10 * np.sqrt(found.majority_expected)


def test_one_other_agrees_with_nobody():
    two = {"large": [0, 1], "small": [1, 1]}
    found = find(two, {name: np.array([True, True]) for name in two}, "large", ["p", "q"])
    assert (found.exemplars, found.shared, found.majority, found.majority_expected) == ([], 0, 1, 1.0)
    alone = find({"large": [0]}, {"large": np.array([True])}, "large", ["p"])
    assert (alone.n, alone.others, alone.majority_expected) == (1, 0, None)


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
