"""Copies to a device, compute on it, and copies back, each timed by itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import TypeVar

RUNS = 20

Inputs = TypeVar("Inputs")
Outputs = TypeVar("Outputs")


def stage_times(
    to_device: Callable[[], Inputs],
    compute: Callable[[Inputs], Outputs],
    to_host: Callable[[Outputs], object],
    synchronize: Callable[[], object],
) -> dict[str, float]:
    """Milliseconds by stage, medians of `RUNS` runs after one that warms up.

    ``synchronize`` waits until the device has done all that it was given, so that each stage pays for itself.
    """
    runs = []
    for _ in range(RUNS + 1):
        clock = [perf_counter()]
        inputs = to_device()
        synchronize()
        clock.append(perf_counter())
        outputs = compute(inputs)
        synchronize()
        clock.append(perf_counter())
        to_host(outputs)
        clock.append(perf_counter())
        runs.append([1e3 * (after - before) for before, after in pairwise(clock)])
    copied, computed, fetched = (median(stage) for stage in zip(*runs[1:], strict=True))
    return {"host_to_device": copied, "compute": computed, "device_to_host": fetched}
