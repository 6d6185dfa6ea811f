"""Percentiles with intervals: what they cover, and what few examples cannot bound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.divergence import percentile


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("size", [1, 4])
def test_intervals_cover_the_percentile(share: float, size: int) -> None:
    """Of 1,000 examples, alone and in groups of four that correlate with 0.5."""
    rng, groups = np.random.default_rng(0), np.arange(1000) // size
    truth, missed = chi2.ppf(share, 1), 0
    for _ in range(200):
        common = rng.normal(size=1000)[groups]
        values = (np.sqrt(0.5) * common + np.sqrt(0.5) * rng.normal(size=1000)) ** 2
        found = percentile(values if size > 1 else rng.normal(size=1000) ** 2, share, groups)
        assert found.low is not None and found.high is not None
        missed += not found.low <= truth <= found.high
    assert missed <= 20  # 5 % of 200 are 10; more than 20 happen once in 500 times


def test_few_examples_bound_no_far_percentile() -> None:
    """Of 60 examples the largest is below the 99th percentile more often than not."""
    values = np.arange(60.0)
    found = percentile(values, 0.99, np.arange(60))
    assert found.value == pytest.approx(np.quantile(values, 0.99))
    assert found.high is None and found.low is not None
    assert percentile(values[:1], 0.5, np.arange(1)) == Estimate(0.0, None, None)


def test_infinity_is_above_every_percentile_that_it_is_not_in() -> None:
    values = np.array([0.0] * 90 + [np.inf] * 10)
    assert percentile(values, 0.5, np.arange(100)) == Estimate(0.0, 0.0, 0.0)
    assert percentile(values, 0.95, np.arange(100)).value is None
