"""Checks of the machine while something was measured, as plain warnings that say what to do next.

pyperf's checks are the model (`pyperf check`): nothing is dropped, and every warning has a next step.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.performance.stability import changed
from benchmarks.performance.timing_warning import Disturbance, TimingWarning

BUSY = 0.10
"""Of the cores' time, taken by other processes."""
STOLEN = 0.02
"""Of the cores' time, taken by other virtual machines."""
HELD_BACK = 0.01
"""Of the time, held back by the container's quota, or the GPU by heat or its limit of power."""
CLOCK = 0.10
"""A fixed piece of work may take this share longer or shorter at the end: as much as an unsteady timing may drift."""


def disturbances(conditions: Mapping[str, float | None]) -> tuple[TimingWarning, ...]:
    """Warnings on the conditions of one measurement; what is None was not told and warns of nothing.

    ``conditions``: ``seconds``, ``cores``, ``other_cpu_seconds``, ``steal_seconds``, ``quota_seconds``,
    ``thermal_throttles``, ``gpu_hot_seconds``, ``gpu_power_capped_seconds``, ``gpu_processes``, ``clock_change`` and
    ``gpu_clock_change`` (shares; + is slower later). Others are not looked at.

    Raises:
        KeyError: one of these is not there.
    """

    def share(name: str, of: float) -> float:
        return (conditions[name] or 0.0) / of if of else 0.0

    seconds = conditions["seconds"] or 0.0
    core_seconds = seconds * (conditions["cores"] or 0.0)
    warnings: list[TimingWarning] = []

    def warn(kind: Disturbance, text: str, next_step: str) -> None:
        warnings.append(TimingWarning(kind, text, next_step))

    if (busy := share("other_cpu_seconds", core_seconds)) > BUSY:
        warn(
            "other processes",
            f"busy: other processes took {busy:.0%} of the cores",
            "close them, or pin to idle cores",
        )
    if (stolen := share("steal_seconds", core_seconds)) > STOLEN:
        text = f"busy: other virtual machines took {stolen:.0%} of the cores"
        warn("other machines", text, "use a host of its own")
    if (held := share("quota_seconds", seconds)) > HELD_BACK:
        text = f"throttled: the container's quota held it back {held:.0%} of the time"
        warn("quota", text, "raise it, or lower threads")
    if throttles := conditions["thermal_throttles"]:
        warn("heat", f"throttled: the cores were slowed for heat {throttles:.0f} times", "cool the machine")
    if (hot := share("gpu_hot_seconds", seconds)) > HELD_BACK:
        text = f"throttled: heat held the GPU's clocks down {hot:.0%} of the time"
        warn("GPU heat", text, "cool it, or lower its clocks")
    if (capped := share("gpu_power_capped_seconds", seconds)) > HELD_BACK:
        text = f"throttled: the limit of power held the GPU's clocks down {capped:.0%} of the time"
        warn("GPU power", text, "raise it, or lower its clocks to what it can hold")
    change = conditions["clock_change"] or 0.0
    if abs(change) > CLOCK:
        text = f"throttled: a fixed piece of work was {changed(change)} at the end"
        next_step = "fix the clock (governor `performance`, turbo off), or wait until the machine is quiet"
        warn("clock", text, next_step)
    change = conditions["gpu_clock_change"] or 0.0
    if abs(change) > CLOCK:
        text = f"throttled: a fixed batch on the GPU was {changed(change)} at the end"
        next_step = "lock its clocks (nvidia-smi --lock-gpu-clocks), or wait until it is quiet"
        warn("GPU clock", text, next_step)
    if others := conditions["gpu_processes"]:
        warn("GPU processes", f"busy: {others:.0f} other processes compute on the GPU", "end them")
    return tuple(warnings)
