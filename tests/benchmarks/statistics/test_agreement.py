"""Agreement measures against scikit-learn, brute force and simulation."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score, jaccard_score

from benchmarks.statistics.agreement import (
    all_pairs,
    expected_jaccard,
    jaccard,
    kappa,
    kappa_bounds,
    largest_jaccard,
    overlaps,
)
from benchmarks.statistics.bootstrap import Estimate, GroupBootstrap, estimates
from tests.benchmarks.figures import complete


def counts(first, second):
    return int((first & second).sum()), int(first.sum()), int(second.sum()), len(first)


def two_sets():
    return st.integers(1, 60).flatmap(lambda n: st.tuples(arrays(bool, n), arrays(bool, n)))


@given(two_sets())
def test_jaccard_and_kappa_are_those_of_scikit_learn(sets):
    first, second = sets
    both, a, b, n = counts(first, second)
    if a + b:
        assert jaccard(both, a, b) == pytest.approx(jaccard_score(first, second))
    else:
        assert np.isnan(jaccard(both, a, b))
    if (first.all() and second.all()) or not (first.any() or second.any()):
        assert np.isnan(kappa(both, a, b, n))
    else:
        expected = cohen_kappa_score(first, second, labels=[False, True])
        assert kappa(both, a, b, n) == pytest.approx(expected, abs=1e-12)


@given(two_sets())
def test_jaccard_and_kappa_stay_within_their_bounds(sets):
    both, a, b, n = counts(*sets)
    if a + b:
        assert jaccard(both, a, b) <= largest_jaccard(a, b) + 1e-12
        assert expected_jaccard(a, b, n) <= largest_jaccard(a, b) + 1e-12
    smallest, largest = kappa_bounds(a, b, n)
    value = kappa(both, a, b, n)
    assert np.isnan(value) == np.isnan(smallest) == np.isnan(largest)
    assert np.isnan(value) or smallest - 1e-12 <= value <= largest + 1e-12
    assert kappa(min(a, b), a, b, n) == pytest.approx(largest, nan_ok=True)
    assert kappa(max(0, a + b - n), a, b, n) == pytest.approx(smallest, nan_ok=True)


def test_expected_jaccard_of_random_sets():
    rng = np.random.default_rng(0)
    n, a, b = 400, 80, 140
    first = np.arange(n) < a
    drawn = [rng.permutation(np.arange(n) < b) for _ in range(3000)]
    mean = np.mean([jaccard((first & second).sum(), a, b) for second in drawn])
    assert mean == pytest.approx(float(expected_jaccard(a, b, n)), abs=0.002)


def test_overlaps_count_within_a_subset():
    rng = np.random.default_rng(1)
    members = [rng.random(50) < 0.4 for _ in range(4)]
    within = rng.random(50) < 0.6
    found = overlaps(GroupBootstrap(np.arange(50), resamples=3, seed=0), members, within)
    assert found.n[0, 0] == within.sum()
    for pair, (a, b) in enumerate(zip(*all_pairs(4), strict=True)):
        assert found.both[0, pair] == (members[a] & members[b] & within).sum()
        assert found.a[0, pair] == (members[a] & within).sum()
        assert found.b[0, pair] == (members[b] & within).sum()


@pytest.mark.slow
def test_intervals_of_jaccard_cover():
    rng = np.random.default_rng(4)
    n, hits, repeats = 300, 0, 300
    for repeat in range(repeats):
        common, one, other = rng.random((3, n))
        first, second = (common < 0.2) | (one < 0.1), (common < 0.2) | (other < 0.1)
        bootstrap = GroupBootstrap(np.arange(n), resamples=200, seed=repeat)
        [interval] = estimates(overlaps(bootstrap, [first, second]).jaccard())
        truth = (0.2 + 0.8 * 0.01) / (0.2 + 0.8 * 0.19)
        low, _, high = complete(interval)
        hits += low <= truth <= high
    assert 0.90 <= hits / repeats <= 0.99


def test_undefined_is_none():
    bootstrap = GroupBootstrap(np.arange(40), resamples=200, seed=0)
    nothing, everything = np.zeros(40, dtype=bool), np.ones(40, dtype=bool)
    one = np.arange(40) == 7
    empty, full, rare = (overlaps(bootstrap, [members, members]) for members in (nothing, everything, one))
    assert estimates(empty.jaccard()) == [Estimate(None, None, None)]
    assert estimates(empty.kappa()) == [Estimate(None, None, None)]
    assert estimates(full.jaccard()) == [Estimate(1.0, 1.0, 1.0)]
    assert estimates(full.kappa()) == [Estimate(None, None, None)]
    # A third of the resamples miss the only member: there is a value, but no interval.
    assert estimates(rare.jaccard()) == [Estimate(1.0, None, None)]


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 20), st.data())
def test_every_estimate_is_json_and_in_order(sets, n, data):
    members = [data.draw(arrays(bool, n)) for _ in range(sets)]
    found = overlaps(GroupBootstrap(np.zeros(n), resamples=20, seed=0), members)
    for statistic in (found.jaccard(), found.kappa(), found.expected_jaccard()):
        for interval in estimates(statistic):
            json.dumps(asdict(interval), allow_nan=False)
            if interval.low is not None:
                assert interval.high is not None and interval.low <= interval.high
