"""Scores of pairs, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from benchmarks.characteristics.pair_scores import alike, compare, found_alike
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import GroupBootstrap
from benchmarks.statistics.correlation import kendall, pearson
from benchmarks.statistics.ranking import spearman


@pytest.fixture
def gold() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 21, 300) / 4  # many ties


def test_correlations_are_scipys(gold):
    generator = np.random.default_rng(2)
    base = gold + generator.standard_normal(300)
    own = np.round(base + 0.3 * generator.standard_normal(300), 1)
    groups = np.arange(300)
    result = compare({"base": base, "own": own}, gold, groups, reference="base", resamples=200, seed=0)
    found = result.deployments["own"]
    assert found.spearman.value == pytest.approx(spearmanr(gold, own).statistic, abs=1e-6)
    assert spearman(gold, own) == pytest.approx(spearmanr(gold, own).statistic, abs=1e-6)
    assert found.with_reference.value == pytest.approx(spearmanr(base, own).statistic, abs=1e-6)
    assert found.pearson.value == pytest.approx(pearsonr(gold, own).statistic, abs=1e-6)
    assert found.kendall_with_reference.value == pytest.approx(kendalltau(base, own).statistic, abs=1e-6)
    change = spearmanr(gold, own).statistic - spearmanr(gold, base).statistic
    assert found.spearman_change.value == pytest.approx(change, abs=1e-6)
    assert found.score_change.value == pytest.approx(np.abs(own - base).mean(), abs=1e-9)
    low, value, high = found.spearman.low, found.spearman.value, found.spearman.high
    assert low is not None and value is not None and high is not None
    assert low < value < high
    assert result.deployments["base"].spearman_change.value == 0


@pytest.mark.slow
def test_resampled_correlations_are_scipys_on_the_resample(gold):
    generator = np.random.default_rng(3)
    own = np.round(gold + generator.standard_normal(300), 1)
    bootstrap = GroupBootstrap(np.arange(300) // 2, resamples=5, seed=0)
    for row, weights in enumerate(bootstrap.of_examples().astype(int)):
        drawn = np.repeat(np.arange(300), weights)
        assert pearson(gold, own, bootstrap)[row] == pytest.approx(
            pearsonr(gold[drawn], own[drawn]).statistic, abs=1e-9
        )
        wanted = kendalltau(gold[drawn], own[drawn]).statistic
        assert kendall(gold, own, bootstrap)[row] == pytest.approx(wanted, abs=1e-9)


def test_a_constant_has_no_correlation(gold):
    assert spearman(gold, np.ones(300)) is None
    bootstrap = GroupBootstrap(np.arange(300), resamples=2, seed=0)
    for correlation in (pearson, kendall):
        assert np.isnan(correlation(gold, np.ones(300), bootstrap)).all()


def test_alike_is_the_upper_half_of_the_scale():
    assert alike([0.0, 2.0, 2.5, 5.0]).tolist() == [False, False, True, True]


def test_as_many_are_found_alike_as_are():
    assert found_alike([0.9, 0.1, 0.9, 0.5], 2).tolist() == [True, False, True, False]
    assert found_alike([0.5, 0.5, 0.5], 1).tolist() == [True, False, False]
    assert found_alike(np.array([0.9, 0.1, 0.9, 0.5]) - 0.4, 2).tolist() == [True, False, True, False]


def test_other_lengths_are_refused(gold):
    with pytest.raises(BenchmarkError, match="scores of short"):
        compare({"short": gold[:5]}, gold, np.arange(300), reference="short", resamples=10, seed=0)
