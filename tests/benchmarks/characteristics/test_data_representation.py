"""Data representation against brute force, permutation and simulation."""

import json
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.characteristics.data_representation import (
    chance_jaccard,
    compare,
    shared_neighbours,
)
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import Floor
from tests.benchmarks.figures import complete


def cloud(n, d, seed):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def neighbour_sets(rows, k, group):
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = units @ units.T
    cosines[group[:, None] == group[None, :]] = -np.inf
    return [set(np.argsort(-row)[:k]) for row in cosines]


@pytest.mark.parametrize("k", [1, 5, 20])
def test_neighbours_against_brute_force(k):
    base, group = cloud(150, 16, 0), np.arange(150) // 3
    views = {"large": base, "small": base[:, :12] + 0.5 * cloud(150, 12, 1), "tiny": cloud(150, 8, 2)}
    found = compare(views, group, (k,), 100, 0)
    for (a, b), pair in zip(combinations(views, 2), found.pairs, strict=True):
        assert (pair.a, pair.b) == (a, b)
        for measured, left_out in ((pair.neighbours, np.arange(150)), (pair.neighbours_other_groups, group)):
            sets = zip(neighbour_sets(views[a], k, left_out), neighbour_sets(views[b], k, left_out), strict=True)
            expected = np.mean([len(one & other) / len(one | other) for one, other in sets])
            low, value, high = complete(measured[str(k)])
            assert value == pytest.approx(expected)
            assert low <= value <= high


@pytest.mark.slow
def test_unrelated_representations_agree_at_the_chance_level():
    n, k = 600, (5, 50)
    # Ten independent pairs: the mean of one alone strays by a fifth at k = 5.
    runs = [
        compare({"a": cloud(n, 64, seed), "b": cloud(n, 64, 100 + seed)}, np.arange(n) // 20, k, 10, 0)
        for seed in range(10)
    ]
    assert runs[0].chance_overlap == {"5": 25 / 599, "50": 2500 / 599}
    for size in ("5", "50"):
        measured = np.mean([found.pairs[0].neighbours[size].value for found in runs])
        assert measured == pytest.approx(runs[0].chance_jaccard[size], rel=0.2)
        measured = np.mean([found.pairs[0].neighbours_other_groups[size].value for found in runs])
        assert measured == pytest.approx(runs[0].chance_jaccard_other_groups[size], rel=0.2)
    assert np.mean([found.pairs[0].cka.value for found in runs]) == pytest.approx(0, abs=0.01)


def test_chance_jaccard_by_simulation():
    rng = np.random.default_rng(0)
    draws = [(set(rng.permutation(40)[:10]), set(rng.permutation(40)[:10])) for _ in range(4000)]
    simulated = np.mean([len(a & b) / len(a | b) for a, b in draws])
    assert chance_jaccard(10, np.array([40])) == pytest.approx(simulated, abs=0.005)
    assert chance_jaccard(10, np.array([10])) == pytest.approx(1)
    assert chance_jaccard(10, np.array([9])) is None


def test_a_representation_agrees_with_itself_turned_and_scaled():
    rows = cloud(80, 10, 0)
    turn, _ = np.linalg.qr(cloud(10, 10, 1))
    [pair] = compare({"a": rows, "b": 7 * rows @ turn}, np.arange(80), (5,), 50, 0).pairs
    assert pair.neighbours["5"] == Estimate(1.0, 1.0, 1.0)
    assert pair.cka.value == pytest.approx(1, abs=1e-6)
    assert (pair.cka.low, pair.cka.high) == (None, None)


def test_k_that_the_data_cannot_fill_is_none():
    found = compare({"a": cloud(12, 4, 0), "b": cloud(12, 4, 1)}, np.arange(12) // 6, (5, 6, 11, 12), 50, 0)
    [pair] = found.pairs
    assert [pair.neighbours[size].value is None for size in ("5", "6", "11", "12")] == [
        False,
        False,
        False,
        True,
    ]
    assert [found.chance_overlap[size] is None for size in ("5", "11", "12")] == [False, False, True]
    assert [found.chance_jaccard[size] is None for size in ("5", "11", "12")] == [False, False, True]
    # Six examples lie outside the own group.
    assert [pair.neighbours_other_groups[size].value is None for size in ("5", "6", "11")] == [
        False,
        False,
        True,
    ]
    assert pair.neighbours["11"].value == 1  # all the others: nothing to differ in
    json.dumps(asdict(found), allow_nan=False)


def test_examples_without_enough_other_groups_are_left_out_for_that_k_alone():
    group = np.array([0] * 15 + list(range(1, 11)))  # those of group 0 have 10 others, the rest have 24
    views = {"a": cloud(25, 6, 0), "b": cloud(25, 6, 1)}
    [pair] = compare(views, group, (4, 12), 50, 0).pairs
    for size, judged in ((4, range(25)), (12, range(15, 25))):
        one, other = (neighbour_sets(rows, size, group) for rows in views.values())
        expected = np.mean([len(one[i] & other[i]) / len(one[i] | other[i]) for i in judged])
        assert pair.neighbours_other_groups[str(size)].value == pytest.approx(expected)


def test_equal_rows_do_not_crash():
    same = np.ones((30, 5), dtype=np.float32)
    [pair] = compare({"collapsed": same, "b": cloud(30, 5, 0)}, np.arange(30), (5,), 50, 0).pairs
    assert pair.cka.value is None
    assert pair.neighbours["5"].value is not None


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(1, 6), st.integers(0, 1000))
def test_shared_neighbours_counts(n, k, seed):
    rng = np.random.default_rng(seed)
    k = min(k, n)
    tables = [np.stack([rng.permutation(n)[:k] for _ in range(n)]) for _ in range(3)]
    tables[2][0] = -1
    shared = shared_neighbours(tables)
    for pair, (a, b) in enumerate(combinations(range(3), 2)):
        expected = [len((set(tables[a][i]) & set(tables[b][i])) - {-1}) for i in range(n)]
        np.testing.assert_array_equal(shared[:, pair], expected)


def test_representations_of_other_lengths():
    with pytest.raises(BenchmarkError, match="representations of b: 9 rows, expected 10"):
        compare({"a": cloud(10, 3, 0), "b": cloud(9, 3, 1)}, np.arange(10), (2,), 10, 0)


def test_one_point_and_one_deployment():
    found = compare({"a": cloud(1, 3, 0)}, ["g"], (5,), 10, 0)
    assert found.pairs == []
    assert found.chance_overlap == {"5": None}
    [pair] = compare({"a": cloud(1, 3, 0), "b": cloud(1, 3, 1)}, ["g"], (5,), 10, 0).pairs
    assert pair.cka.value is None
    assert pair.neighbours["5"].value is None


def test_verdicts_hold_neighbours_against_their_floor():
    base = cloud(400, 32, 0)
    views = {
        "large": base,
        "large#rerun": base + 0.02 * cloud(400, 32, 1),
        "rounded": base + 0.02 * cloud(400, 32, 2),
        "small": cloud(400, 32, 3),
    }
    floors = {name: Floor("execution", ("large#rerun",)) for name in ("rounded", "small")}
    found = compare(views, np.arange(400), (10,), 300, 0, floors=floors)
    verdicts = found.verdicts["10"]
    assert verdicts["rounded"].conclusion == "same"
    assert verdicts["small"].conclusion == "different"
    kept = {(pair.a, pair.b): complete(pair.neighbours["10"])[1] for pair in found.pairs}
    assert verdicts["small"].floor.value == pytest.approx(1 - kept["large", "large#rerun"])
    assert verdicts["small"].excess.value == pytest.approx(kept["large", "large#rerun"] - kept["large", "small"])
