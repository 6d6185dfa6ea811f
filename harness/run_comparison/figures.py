"""The figures of a deployment that are compared: where they lie, a value a process, and what a change is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.performance.comparison import RatioChange
from harness.results.timings import (
    DeploymentPerformance,
    LatencyFigures,
    OfflineFigures,
    ProcessFigures,
    ServerLoad,
)

FigureVerdict = Literal["slower", "faster", "bigger", "smaller", "no change seen", "cannot tell"]
WORSE: tuple[FigureVerdict, ...] = ("slower", "bigger")
BETTER: tuple[FigureVerdict, ...] = ("faster", "smaller")

Timed = DeploymentPerformance | ProcessFigures
"""Medians over processes, or one of them: both have the figures under the same names."""
Timing = LatencyFigures | OfflineFigures | ServerLoad


def _untimed(_: Timed) -> None:
    return None


@dataclass(frozen=True)
class PerformanceFigure:
    """A figure of performance.json, which its summary and its processes hold alike."""

    name: str
    unit: str
    """As people read it."""
    key: str
    """Its field in the results."""
    value: Callable[[Timed], float | None]
    """As stored."""
    higher: FigureVerdict
    """What more of it is called."""
    lower: FigureVerdict
    timing: Callable[[Timed], Timing | None] = _untimed
    """The scenario whose marks it has; None: it has none."""
    remedy: str = "min_warmup_seconds and min_seconds"
    """What to raise, of `performance`, where its timing does not settle."""
    scale: float = 1.0
    """Of the unit, in what is stored."""
    tail: bool = False
    """A p99, which few queries or an unsteady tail leave unsure: it is then not known."""

    def of(self, figures: Timed) -> float | None:
        """As stored; None where it is not known, or 0 and so without a ratio."""
        timing = self.timing(figures)
        if self.tail and not (isinstance(timing, LatencyFigures) and timing.tail_steady):
            return None
        value = self.value(figures)
        return value if value is not None and value > 0 else None

    def unsteady(self, figures: Timed) -> bool:
        """Whether a timing of its scenario did not settle."""
        timing = self.timing(figures)
        return timing is not None and not timing.steady

    def disturbed(self, figures: Timed) -> bool:
        """Whether the machine did other things during its scenario."""
        timing = self.timing(figures)
        return timing is not None and timing.disturbed

    def verdict(self, change: RatioChange) -> FigureVerdict:
        if change.conclusion == "higher":
            return self.higher
        return self.lower if change.conclusion == "lower" else change.conclusion


def _latency(
    name: str,
    key: str,
    scenario: Callable[[Timed], LatencyFigures | None],
    value: Callable[[LatencyFigures], float],
    *,
    tail: bool = False,
) -> PerformanceFigure:
    def of(figures: Timed) -> float | None:
        timing = scenario(figures)
        return None if timing is None else value(timing)

    return PerformanceFigure(name, "ms", key, of, "slower", "faster", scenario, tail=tail)


def _single(figures: Timed) -> LatencyFigures | None:
    return figures.single_stream


def _multi(figures: Timed) -> LatencyFigures | None:
    return figures.multi_stream


PERFORMANCE_FIGURES = (
    _latency("single-stream p50", "p50_ms", _single, lambda timing: timing.p50_ms),
    _latency("single-stream p90", "p90_ms", _single, lambda timing: timing.p90_ms),
    _latency("single-stream p99", "p99_ms", _single, lambda timing: timing.p99_ms, tail=True),
    _latency("multi-stream p99", "p99_ms", _multi, lambda timing: timing.p99_ms, tail=True),
    PerformanceFigure(
        "offline",
        "samples/s",
        "samples_per_second",
        lambda figures: figures.offline.samples_per_second if figures.offline else None,
        "faster",
        "slower",
        lambda figures: figures.offline,
    ),
    PerformanceFigure(
        "server rate",
        "per s",
        "rate",
        lambda figures: figures.server.rate if figures.server else None,
        "faster",
        "slower",
        lambda figures: figures.server,
        remedy="server.queries",
    ),
    PerformanceFigure("load time", "ms", "load_ms", lambda figures: figures.load_ms, "slower", "faster"),
    PerformanceFigure(
        "peak memory",
        "MiB",
        "peak_memory_bytes",
        lambda figures: figures.peak_memory_bytes,
        "bigger",
        "smaller",
        scale=2**20,
    ),
)
SPEED_UP = PerformanceFigure("speed-up", "x", "paired", _untimed, "faster", "slower")
"""Against the run's own reference, measured in pairs: what else the machine did is in neither run's ratio."""
FILE_SIZE = PerformanceFigure("file size", "MiB", "bytes", _untimed, "bigger", "smaller", scale=2**20)
"""Of a deployment's artifact: one number, without noise, of no process."""


def same_processes(before: DeploymentPerformance, after: DeploymentPerformance) -> bool:
    """Whether both hold a measurement of one and the same process: clocks never agree to the last digit."""
    theirs = [_clocked(process) for process in after.replicates]
    return any(own in theirs for process in before.replicates if any(own := _clocked(process)))


def _clocked(process: ProcessFigures) -> tuple[float | None, ...]:
    """What a clock told of a process; summaries of other versions may differ in the rest."""
    single, offline = process.single_stream, process.offline
    return single.p50_ms if single else None, offline.samples_per_second if offline else None
