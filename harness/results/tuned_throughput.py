"""The throughput of the setting that a search chose, over fresh processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.performance.tuning import gain


def tuned_over_processes(measured: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Medians over fresh processes; None where nothing was tuned. All processes have the same setting.

    ``setting`` is what is best used: the one that the search chose, or the default where that was no slower when both
    were measured again. ``measured_again`` is how many times as fast as the default the chosen one then was, in the
    same pairs of passes; ``ratio`` is that of ``setting``, so never below 1. Without such pairs ``measured_again`` and
    the rates are None: those of offline hold. ``reason`` says why there are none, where an opening failed.
    """
    if not measured:
        return None
    first = measured[0]
    paired = [(process["samples"], process["pairs"]) for process in measured if process["pairs"]]
    reasons = [process["reason"] for process in measured if process.get("reason")]
    again = median(gain(pairs) for _, pairs in paired) if paired else None
    faster = again is not None and again > 1
    return {
        "setting": first["setting"] if faster else _default(first),
        "ratio": again if faster else 1.0,
        "measured_again": again,
        "samples_per_second": _rate(paired, side=1 if faster else 0),
        "default_samples_per_second": _rate(paired, side=0),
        "reason": reasons[0] if reasons else "",
    }


def _default(process: Mapping[str, Any]) -> dict[str, int] | None:
    """The study's own setting; a measurement from before it was noted knows it only where it was the one chosen."""
    known: dict[str, int] | None = process.get("default", None if process["pairs"] else process["setting"])
    return known


def _rate(paired: Sequence[tuple[int, Sequence[Sequence[int]]]], *, side: int) -> float | None:
    rates = [samples * len(pairs) / (sum(pair[side] for pair in pairs) / 1e9) for samples, pairs in paired]
    return median(rates) if rates else None
