"""Similarity of pairs, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.characteristics.similarity import alike, compare, found_alike
from benchmarks.errors import BenchmarkError
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
    change = spearmanr(gold, own).statistic - spearmanr(gold, base).statistic
    assert found.spearman_change.value == pytest.approx(change, abs=1e-6)
    assert found.score_change.value == pytest.approx(np.abs(own - base).mean(), abs=1e-9)
    low, value, high = found.spearman.low, found.spearman.value, found.spearman.high
    assert low is not None and value is not None and high is not None
    assert low < value < high
    assert result.deployments["base"].spearman_change.value == 0


def test_a_constant_has_no_correlation(gold):
    assert spearman(gold, np.ones(300)) is None


def test_alike_is_the_upper_half_of_the_scale():
    assert alike([0.0, 2.0, 2.5, 5.0]).tolist() == [False, False, True, True]


def test_as_many_are_found_alike_as_are():
    assert found_alike([0.9, 0.1, 0.9, 0.5], 2).tolist() == [True, False, True, False]
    assert found_alike([0.5, 0.5, 0.5], 1).tolist() == [True, False, False]
    assert found_alike(np.array([0.9, 0.1, 0.9, 0.5]) - 0.4, 2).tolist() == [True, False, True, False]


def test_other_lengths_are_refused(gold):
    with pytest.raises(BenchmarkError, match="similarities of short"):
        compare({"short": gold[:5]}, gold, np.arange(300), reference="short", resamples=10, seed=0)
