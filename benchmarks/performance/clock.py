"""What the scenarios share: a quiet interpreter, and whether a series of timings was steady."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

DRIFT = 0.10
"""Timings of one thing may differ by this share between the earlier and the later half of a series."""


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep the collector from running between two clock readings, as `timeit` does."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def drift(passes: NDArray[np.int64]) -> float:
    """How much slower (+) or faster (-) the later half of the passes was, as a share.

    ``passes`` is (passes, samples) in ns, two passes at least. Each sample is compared with itself, since
    samples differ in length; the median over samples is not moved by single outliers.
    """
    middle = len(passes) // 2
    later = np.median(passes[-middle:], axis=0)
    earlier = np.maximum(np.median(passes[:middle], axis=0), 1)
    return float(np.median(later / earlier)) - 1.0


def trend(timings: NDArray[np.int64]) -> float:
    """Spearman's correlation of a series with time, in units of its standard error 1/sqrt(n - 1).

    For one pass, in which every sample comes once: lengths come in no order, so a trend is the machine's.
    """
    if len(timings) < 3 or np.ptp(timings) == 0:
        return 0.0
    ranks = np.argsort(np.argsort(timings, kind="stable"), kind="stable")
    return float(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) * float(np.sqrt(len(ranks) - 1))
