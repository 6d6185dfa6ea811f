"""Warnings with a next step, and medians over processes with their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.performance.checks import disturbances
from benchmarks.performance.replicates import median_interval

UNKNOWN = ("quota_seconds", "thermal_throttles", "gpu_hot_seconds", "gpu_power_capped_seconds", "gpu_processes")
QUIET: dict[str, float | None] = {
    **dict.fromkeys((*UNKNOWN, "gpu_clock_change")),
    **{"seconds": 10.0, "cores": 2, "other_cpu_seconds": 0.5, "steal_seconds": 0.0, "clock_change": 0.01},
}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"other_cpu_seconds": 6.0}, "other processes took 30% of the cores"),
        ({"steal_seconds": 1.0}, "other virtual machines took 5%"),
        ({"quota_seconds": 2.0}, "quota held it back 20% of the time"),
        ({"thermal_throttles": 3.0}, "slowed for heat 3 times"),
        ({"gpu_hot_seconds": 0.5}, "heat held the GPU's clocks down 5% of the time"),
        ({"clock_change": 0.3}, "30% slower at the end"),
        ({"gpu_power_capped_seconds": 5.0}, "limit of power held the GPU's clocks down 50% of the time"),
        ({"gpu_clock_change": -0.2}, "a fixed batch on the GPU was 20% faster at the end"),
        ({"gpu_processes": 2}, "2 other processes compute on the GPU"),
    ],
)
def test_a_disturbance_is_told_with_a_next_step(changed: dict[str, float], told: str) -> None:
    (warning,) = disturbances({**QUIET, **changed})
    assert told in warning.text and warning.next_step and warning.is_disturbance and not warning.is_unsteadiness


def test_quiet_or_unknown_warns_of_nothing() -> None:
    assert disturbances(QUIET) == () == disturbances(dict.fromkeys(QUIET))
    with pytest.raises(KeyError, match="steal_seconds"):
        disturbances({name: value for name, value in QUIET.items() if name != "steal_seconds"})


def test_an_interval_needs_six_processes() -> None:
    assert median_interval([1, 2, 3, 4, 5]) is None and median_interval([]) is None
    assert median_interval([6, 5, 4, 3, 2, 1]) == (1, 6)
    assert median_interval(list(range(20))) == (5, 14)  # Hollander and Wolfe: the 6th and the 15th of 20


def test_the_interval_holds_the_median_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    for processes in (6, 8, 15):
        draws = random.lognormal(0, 1, (4000, processes))
        found = [median_interval(row.tolist()) for row in draws]
        held = np.mean([interval is not None and interval[0] <= 1 <= interval[1] for interval in found])
        assert held > 0.94
