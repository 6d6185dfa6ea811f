"""Figures that may be missing, for tests in which none is."""

from __future__ import annotations

from benchmarks.statistics.bootstrap import Estimate


def complete(estimate: Estimate) -> tuple[float, float, float]:
    """The lower end of the interval, the value and the upper end."""
    low, value, high = estimate.low, estimate.value, estimate.high
    assert low is not None and value is not None and high is not None
    return low, value, high
