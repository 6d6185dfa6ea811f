"""The throughput of the setting that a search chose, over fresh processes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.performance.tuning import Pairs, gain
from harness.results.timings import TunedThroughput
from harness.steps.tuned_throughput import TunedPairs


def tuned_over_processes(measured: Sequence[TunedPairs]) -> TunedThroughput | None:
    """Medians over fresh processes; None where nothing was tuned. All processes have the same setting."""
    if not measured:
        return None
    first = measured[0]
    paired = [(process.samples, process.pairs) for process in measured if process.pairs]
    reasons = [process.reason for process in measured if process.reason]
    again = median(gain(pairs) for _, pairs in paired) if paired else None
    faster = again is not None and again > 1
    return TunedThroughput(
        setting=first.setting if faster else first.default,
        ratio=again if again is not None and faster else 1.0,
        measured_again=again,
        samples_per_second=_rate(paired, side=1 if faster else 0),
        default_samples_per_second=_rate(paired, side=0),
        reason=reasons[0] if reasons else "",
    )


def _rate(paired: Sequence[tuple[int, Pairs]], *, side: int) -> float | None:
    rates = [samples * len(pairs) / (sum(pair[side] for pair in pairs) / 1e9) for samples, pairs in paired]
    return median(rates) if rates else None
