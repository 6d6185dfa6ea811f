"""A deployment in the setting that its tuning chose, next to the study's own setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.performance.tuning import gain, in_turns
from harness.execution.worker import Context
from harness.live import LiveDeployment, open_deployment
from harness.steps.tuning import read_tuned
from harness.tasks.examples import Example


def measure_tuned(
    default: LiveDeployment, context: Context, examples: Sequence[Example], *, seconds: float
) -> dict[str, Any]:
    """Both settings over all ``examples``, in turns: at least 5 pairs, more for as long as ``seconds``.

    Returns ``setting`` (sessions, threads, token_budget), ``samples``, and ``pairs``: nanoseconds of the default and of
    the tuned setting. ``pairs`` is None where the tuning chose the default.
    """
    setting = read_tuned(context.input("tuning"))
    found: dict[str, Any] = {"setting": asdict(setting), "samples": len(examples), "pairs": None}
    own = default.token_budget, 1 + len(default.beside), default.backend.threads
    if own == (setting.token_budget, setting.sessions, setting.threads):
        return found
    with open_deployment(context.input("artifact"), {**context.options, **asdict(setting)}) as tuned:
        pairs = in_turns(lambda: default.table(examples), lambda: tuned.table(examples), seconds=2 * seconds)
    return {**found, "pairs": pairs}


def tuned_over_processes(measured: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Medians over fresh processes; None where nothing was tuned. All processes have the same setting.

    ``ratio`` is how many times as fast as the default the tuned setting is, in the same pairs of passes. Where the
    default was chosen it is 1, and the rates are None: those of offline hold.
    """
    if not measured:
        return None
    paired = [(process["samples"], process["pairs"]) for process in measured if process["pairs"]]
    return {
        "setting": measured[0]["setting"],
        "ratio": median(gain(pairs) for _, pairs in paired) if paired else 1.0,
        "samples_per_second": _rate(paired, side=1),
        "default_samples_per_second": _rate(paired, side=0),
    }


def _rate(paired: Sequence[tuple[int, Sequence[Sequence[int]]]], *, side: int) -> float | None:
    rates = [samples * len(pairs) / (sum(pair[side] for pair in pairs) / 1e9) for samples, pairs in paired]
    return median(rates) if rates else None
