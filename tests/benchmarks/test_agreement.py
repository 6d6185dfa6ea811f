"""Agreement measures against scikit-learn, brute force and simulation."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score, jaccard_score

from benchmarks.agreement import (
    Estimate,
    GroupBootstrap,
    adjusted_jaccard,
    all_pairs,
    estimates,
    expected_jaccard,
    jaccard,
    kappa,
    largest_jaccard,
    overlaps,
)
from benchmarks.errors import BenchmarkError


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
def test_jaccard_stays_below_the_largest_and_adjusted_below_one(sets):
    both, a, b, n = counts(*sets)
    if a + b:
        assert jaccard(both, a, b) <= largest_jaccard(a, b) + 1e-12
        assert expected_jaccard(a, b, n) <= largest_jaccard(a, b) + 1e-12
    adjusted = adjusted_jaccard(both, a, b, n)
    assert np.isnan(adjusted) == (a in (0, n) or b in (0, n))
    assert np.isnan(adjusted) or adjusted <= 1 + 1e-12


def test_expected_jaccard_of_random_sets():
    rng = np.random.default_rng(0)
    n, a, b = 400, 80, 140
    first = np.arange(n) < a
    drawn = [rng.permutation(np.arange(n) < b) for _ in range(3000)]
    mean = np.mean([jaccard((first & second).sum(), a, b) for second in drawn])
    assert mean == pytest.approx(float(expected_jaccard(a, b, n)), abs=0.002)
    assert float(adjusted_jaccard(28, a, b, n)) == pytest.approx(0)
    assert float(adjusted_jaccard(80, a, b, n)) == pytest.approx(1)


@given(st.integers(1, 8), st.integers(1, 40), st.integers(0, 5))
def test_totals_are_those_of_the_drawn_examples(groups_at_most, n, seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, groups_at_most, n)
    values = rng.random((n, 3))
    bootstrap = GroupBootstrap([f"g{group}" for group in groups], resamples=5, seed=seed)
    assert (bootstrap.weights[0] == 1).all()
    assert (bootstrap.weights.sum(axis=1) == bootstrap.count).all()
    weights = bootstrap.of_examples()
    assert all(len(set(weights[1, groups == group])) == 1 for group in np.unique(groups))
    for row, totals in enumerate(bootstrap.totals(values)):
        drawn = np.repeat(values, weights[row].astype(int), axis=0)
        np.testing.assert_allclose(totals, drawn.sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(bootstrap.means(values)[row], drawn.mean(axis=0))


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


def test_intervals_cover_as_they_say():
    """95 % intervals of a clustered rate hold the truth about as often; those that ignore groups do not."""
    rng = np.random.default_rng(3)
    by_group = by_example = 0
    repeats, groups, size = 300, 80, 6
    for repeat in range(repeats):
        wrong = rng.random(groups)[:, None] > rng.random((groups, size))  # truth: 0.5, alike within a group
        for labels, clustered in (
            (np.repeat(np.arange(groups), size), True),
            (np.arange(groups * size), False),
        ):
            [interval] = estimates(GroupBootstrap(labels, resamples=200, seed=repeat).means(wrong.ravel()))
            holds = interval.low <= 0.5 <= interval.high
            by_group += holds and clustered
            by_example += holds and not clustered
    assert 0.90 <= by_group / repeats <= 0.99
    assert by_example / repeats < 0.85


def test_intervals_of_jaccard_cover():
    rng = np.random.default_rng(4)
    n, hits, repeats = 300, 0, 300
    for repeat in range(repeats):
        common, one, other = rng.random((3, n))
        first, second = (common < 0.2) | (one < 0.1), (common < 0.2) | (other < 0.1)
        bootstrap = GroupBootstrap(np.arange(n), resamples=200, seed=repeat)
        [interval] = estimates(overlaps(bootstrap, [first, second]).jaccard())
        truth = (0.2 + 0.8 * 0.01) / (0.2 + 0.8 * 0.19)
        hits += interval.low <= truth <= interval.high
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


def test_a_few_undefined_resamples_leave_an_interval():
    statistic = np.linspace(0, 1, 101)[:, None].copy()
    statistic[1:4] = np.nan
    [interval] = estimates(statistic)
    expected = np.quantile(statistic[4:, 0], [0.025, 0.975])
    assert [interval.low, interval.high] == pytest.approx(list(expected))


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 20), st.data())
def test_every_estimate_is_json_and_in_order(sets, n, data):
    members = [data.draw(arrays(bool, n)) for _ in range(sets)]
    found = overlaps(GroupBootstrap(np.zeros(n), resamples=20, seed=0), members)
    for statistic in (found.jaccard(), found.adjusted_jaccard(), found.kappa(), found.expected_jaccard()):
        for interval in estimates(statistic):
            json.dumps(asdict(interval), allow_nan=False)
            if interval.low is not None:
                assert interval.low <= interval.high


def test_one_seed_gives_one_interval():
    groups = np.arange(30) // 3
    first, again, other = (GroupBootstrap(groups, resamples=50, seed=seed).weights for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(("groups", "resamples"), [([], 10), ([[1, 2]], 10), ([1, 2], 0)])
def test_nothing_to_resample(groups, resamples):
    with pytest.raises(BenchmarkError) as error:
        GroupBootstrap(groups, resamples=resamples, seed=0)
    assert "\n" not in str(error.value)
