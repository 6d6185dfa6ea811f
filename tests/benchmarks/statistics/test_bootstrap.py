"""Resampling of groups, and intervals that hold the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import (
    BLOCKS,
    Estimate,
    GroupBootstrap,
    divide,
    estimates,
    standard_errors,
)
from benchmarks.statistics.shares import share
from tests.benchmarks.figures import complete


@given(st.integers(1, 8), st.integers(1, 40), st.integers(0, 5))
def test_totals_are_those_of_the_drawn_examples(groups_at_most, n, seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, groups_at_most, n)
    values = rng.random((n, 3))
    bootstrap = GroupBootstrap([f"g{group}" for group in groups], resamples=5, seed=seed)
    assert (bootstrap.weights[0] == 1).all()
    assert (bootstrap.weights[1:6].sum(axis=1) == bootstrap.count).all()
    left_out = bootstrap.weights[6:]
    assert left_out.shape[0] == BLOCKS and left_out.max() <= 1
    assert ((left_out == 0).sum(axis=0) == 1).all()  # every group is left out once
    weights = bootstrap.of_examples()
    assert all(len(set(weights[1, groups == group])) == 1 for group in np.unique(groups))
    for row, totals in enumerate(bootstrap.totals(values)[:6]):
        drawn = np.repeat(values, weights[row].astype(int), axis=0)
        np.testing.assert_allclose(totals, drawn.sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(bootstrap.means(values)[row], drawn.mean(axis=0))


@pytest.mark.slow
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
            low, _, high = complete(interval)
            holds = low <= 0.5 <= high
            by_group += holds and clustered
            by_example += holds and not clustered
    assert 0.90 <= by_group / repeats <= 0.99
    assert by_example / repeats < 0.85


def test_intervals_of_rare_changes_cover():
    """0.6 % of the examples change, in groups: a resample of few knows too little."""
    hits, repeats, groups = 0, 400, 300
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        labels = np.repeat(np.arange(groups), rng.integers(1, 8, groups))
        changed = rng.random(len(labels)) < 0.006
        interval = share(GroupBootstrap(labels, resamples=1, seed=repeat), changed)
        low, _, high = complete(interval)
        hits += low <= 0.006 <= high
    assert 0.925 <= hits / repeats <= 0.995


def test_an_interval_is_that_of_scipy():
    values = np.random.default_rng(0).gamma(1.0, size=150)
    [ours] = estimates(GroupBootstrap(np.arange(150), resamples=20_000, seed=0).means(values))
    theirs = bootstrap((values,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1))
    assert [ours.low, ours.high] == pytest.approx(theirs.confidence_interval, abs=0.01)
    percentile = bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1))
    assert ours.high > percentile.confidence_interval.high + 0.003  # a long tail moves both ends up


def test_leaving_out_blocks_tells_what_leaving_out_groups_does():
    values = np.random.default_rng(1).gamma(0.3, size=4 * BLOCKS)
    [blocks] = estimates(GroupBootstrap(np.arange(len(values)), resamples=4000, seed=0).means(values))
    theirs = bootstrap((values,), np.mean, method="BCa", n_resamples=4000, rng=np.random.default_rng(1))
    assert [blocks.low, blocks.high] == pytest.approx(theirs.confidence_interval, abs=0.01)


def test_a_few_undefined_resamples_leave_an_interval():
    values = np.linspace(0, 1, 1001)
    statistic = np.concatenate([[0.5], values, np.full(BLOCKS, 0.5)])[:, None]
    statistic[1:40] = np.nan
    [interval] = estimates(statistic)
    assert interval.value == 0.5
    assert [interval.low, interval.high] == pytest.approx([0.024, 0.975], abs=0.09)
    statistic[1:80] = np.nan
    assert estimates(statistic) == [Estimate(0.5, None, None)]
    assert np.isnan(standard_errors(statistic)).all()


def test_standard_errors_are_those_of_the_mean():
    values = np.random.default_rng(0).normal(size=(400, 2))
    drawn = GroupBootstrap(np.arange(400), resamples=4000, seed=0)
    expected = values.std(axis=0) / np.sqrt(400)
    assert standard_errors(drawn.means(values)) == pytest.approx(expected, rel=0.05)


def test_division_by_nothing_is_undefined():
    assert np.isnan(divide([1.0, 0.0], [0.0, 0.0])).all()
    assert divide(1, 4) == 0.25


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
