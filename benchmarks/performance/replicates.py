"""Figures over fresh processes, the unit of statistics: a median, and the interval that their number allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np

from benchmarks.statistics.bootstrap import CONFIDENCE


def median_of_known(values: Iterable[float | None]) -> float | None:
    """The median of those that are not None; None where all are."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The interval of at least 95 % for the median of the population, between two of the sorted values.

    Free of any distribution: the number of values below the median is binomial with 1/2 (Hollander and Wolfe 1999,
    3.6). None below six values: even from the least to the greatest, it would hold less than 95 %.
    """
    from scipy.special import bdtr  # not scipy.stats, which takes a second to import

    left_out = int((bdtr(np.arange(len(values)), len(values), 0.5) <= (1 - CONFIDENCE) / 2).sum())
    if not left_out:
        return None
    ordered = sorted(values)
    return ordered[left_out - 1], ordered[-left_out]
