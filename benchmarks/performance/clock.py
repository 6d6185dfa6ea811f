"""A quiet interpreter, and a fixed piece of work that tells how fast the processor's clock runs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns

CALIBRATION_STEPS = 20_000
"""Of the fixed piece of work: about a millisecond."""
CALIBRATION_RUNS = 7


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


def calibrate() -> int:
    """Nanoseconds of a fixed piece of work on one core: the least of a few runs, which other work hardly moves.

    Taken before and after a measurement, a change says that the clock was throttled or freed in between.
    """
    return shortest(_fixed_work)


def shortest(work: Callable[[], object], runs: int = CALIBRATION_RUNS) -> int:
    """Nanoseconds of ``work()``, the least of so many."""

    def timed() -> int:
        before = perf_counter_ns()
        work()
        return perf_counter_ns() - before

    return min(timed() for _ in range(runs))


def _fixed_work() -> None:
    total = 0
    for step in range(CALIBRATION_STEPS):
        total += step * step
