"""Ranking statistics against scikit-learn and scipy, resample by resample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from benchmarks.statistics.bootstrap import GroupBootstrap, estimates
from benchmarks.statistics.ranking import keeping_threshold, rank_correlations, roc_statistics
from tests.benchmarks.figures import complete


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(0, 10_000))
def test_roc_statistics_with_ties(n, m, values, seed):
    """Scores from few values, and every resample written out and given to scikit-learn."""
    rng = np.random.default_rng(seed)
    inside, outside = rng.integers(0, values, n).astype(float), rng.integers(0, values, m) - 1.0
    home = GroupBootstrap(rng.integers(0, 6, n), resamples=4, seed=seed)
    abroad = GroupBootstrap(np.arange(m), resamples=4, seed=seed + 1)
    curves = roc_statistics(inside, outside, home, abroad)
    for row in range(5):
        one = np.repeat(inside, home.of_examples()[row].astype(int))
        other = np.repeat(outside, abroad.of_examples()[row].astype(int))
        labels, scores = np.repeat([1, 0], [len(one), len(other)]), np.concatenate([one, other])
        assert curves.auroc[row] == pytest.approx(roc_auc_score(labels, scores))
        assert curves.aupr[row] == pytest.approx(average_precision_score(1 - labels, -scores))
        false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
        assert curves.fpr95[row] == pytest.approx(false[true >= 0.95 - 1e-9].min())


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_threshold_keeps_enough_and_no_higher_one_does(values, kept):
    scores = np.array(values, dtype=float)
    threshold = keeping_threshold(scores, kept)
    assert (scores >= threshold).mean() >= kept - 1e-9
    higher = scores[scores > threshold]
    assert not higher.size or (scores >= higher.min()).mean() < kept


@pytest.mark.parametrize("n", [20, 100, 400, 1000])
def test_threshold_of_distinct_scores_flags_exactly_the_rest(n):
    scores = np.random.default_rng(n).permutation(n).astype(float)
    assert (scores < keeping_threshold(scores, 0.95)).sum() == n // 20


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(1, 15), st.integers(0, 10_000))
def test_rank_correlation_is_that_of_scipy_in_every_resample(n, values, seed):
    rng = np.random.default_rng(seed)
    scores = [rng.integers(0, values, n).astype(float) for _ in range(2)]
    bootstrap = GroupBootstrap(rng.integers(0, 8, n), resamples=4, seed=seed)
    found = rank_correlations(scores, bootstrap)[:, 0]
    for row, weights in enumerate(bootstrap.of_examples(slice(0, 5)).astype(int)):
        one, other = (np.repeat(column, weights) for column in scores)
        if len(set(one)) == 1 or len(set(other)) == 1:
            assert np.isnan(found[row])
        else:
            assert found[row] == pytest.approx(spearmanr(one, other).statistic, abs=1e-9)


@pytest.mark.slow
def test_intervals_of_auroc_cover():
    """Two normal distributions one standard deviation apart: AUROC is Phi(1 / sqrt 2)."""
    rng = np.random.default_rng(0)
    truth, hits, repeats = 0.7602499, 0, 200
    for repeat in range(repeats):
        home, abroad = (GroupBootstrap(np.arange(80), resamples=200, seed=2 * repeat + side) for side in (0, 1))
        area = roc_statistics(rng.normal(1, 1, 80), rng.normal(0, 1, 80), home, abroad).auroc
        [interval] = estimates(area[:, None])
        low, _, high = complete(interval)
        hits += low <= truth <= high
    assert 0.89 <= hits / repeats <= 0.99
