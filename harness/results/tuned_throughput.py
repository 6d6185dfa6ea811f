"""The throughput of the setting that a search chose, over fresh processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.performance.tuning import Setting, gain
from harness.results.timings import TunedThroughput


def tuned_over_processes(measured: Sequence[Mapping[str, Any]]) -> TunedThroughput | None:
    """Medians over fresh processes; None where nothing was tuned. All processes have the same setting.

    ``measured``: what the step `tuned_throughput` wrote, one a process.
    """
    if not measured:
        return None
    first = measured[0]
    paired = [(process["samples"], process["pairs"]) for process in measured if process["pairs"]]
    reasons = [process["reason"] for process in measured if process["reason"]]
    again = median(gain(pairs) for _, pairs in paired) if paired else None
    faster = again is not None and again > 1
    return TunedThroughput(
        setting=Setting(**first["setting" if faster else "default"]),
        ratio=again if again is not None and faster else 1.0,
        measured_again=again,
        samples_per_second=_rate(paired, side=1 if faster else 0),
        default_samples_per_second=_rate(paired, side=0),
        reason=reasons[0] if reasons else "",
    )


def _rate(paired: Sequence[tuple[int, Sequence[Sequence[int]]]], *, side: int) -> float | None:
    rates = [samples * len(pairs) / (sum(pair[side] for pair in pairs) / 1e9) for samples, pairs in paired]
    return median(rates) if rates else None
