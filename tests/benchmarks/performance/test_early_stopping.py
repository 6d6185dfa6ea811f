"""MLPerf's rule, held against LoadGen's own estimate of the very same latencies."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks.performance import load_generator
from benchmarks.performance.early_stopping import overlatencies_allowed, queries_needed, upper_bound


@pytest.mark.parametrize(("percentile", "needed"), [(0.90, 64), (0.99, 662)])
def test_as_many_queries_are_needed_as_mlperf_says(percentile: float, needed: int) -> None:
    assert queries_needed(percentile) == needed
    values = np.arange(needed)
    assert upper_bound(values, percentile) == needed - 1  # the highest
    assert upper_bound(values[1:], percentile) is None


def test_the_bound_has_the_rank_of_loadgens_own() -> None:
    """1,000 queries: LoadGen says how many of the highest it would discard, which is one less than are allowed."""
    settings = load_generator._settings("single-stream", 0)
    settings.min_query_count = 1000
    summary = load_generator.run(settings, lambda query: None, samples=1)
    told = re.search(r"Would discard (\d+) highest latency queries", summary)
    assert told is not None
    assert overlatencies_allowed(1000, 0.90) == int(told[1]) + 1


def test_the_bound_holds_at_its_confidence() -> None:
    random = np.random.default_rng(0)
    true = -np.log(0.10)  # the p90 of an exponential distribution
    bounds = [upper_bound((random.exponential(1e6, 200)).astype(np.int64), 0.90) for _ in range(2000)]
    missed = np.mean([bound is not None and bound < true * 1e6 for bound in bounds])
    assert missed < 0.015
