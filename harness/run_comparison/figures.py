"""The figures of a deployment that are compared: where they lie, a value a process, and what a change is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.performance.comparison import Change
from harness.report.values import Json, mapping, number, sequence

Verdict = Literal["slower", "faster", "bigger", "smaller", "no change seen", "cannot tell"]
WORSE: tuple[Verdict, ...] = ("slower", "bigger")
BETTER: tuple[Verdict, ...] = ("faster", "smaller")


@dataclass(frozen=True)
class Figure:
    """A figure of performance.json, whose summary and processes hold it at the same place."""

    name: str
    unit: str
    """As people read it."""
    key: str
    higher: Verdict
    """What more of it is called."""
    lower: Verdict
    scenario: str | None = None
    scale: float = 1.0
    """Of the unit, in what is stored."""
    tail: bool = False
    """A p99, which few queries or an unsteady tail leave unsure: it is then not known."""

    def of(self, figures: Json) -> float | None:
        """As stored; None where it is not known, or 0 and so without a ratio."""
        place = mapping(figures.get(self.scenario)) if self.scenario else figures
        if self.tail and place.get("tail_steady") is not True:
            return None
        value = number(place.get(self.key))
        return value if value is not None and value > 0 else None

    def unsteady(self, performance: Json) -> bool:
        """Whether a timing of its scenario did not settle."""
        return self.scenario is not None and mapping(performance.get(self.scenario)).get("steady") is False

    def disturbed(self, performance: Json) -> bool:
        """Whether the machine did other things during its scenario."""
        return self.scenario is not None and mapping(performance.get(self.scenario)).get("disturbed") is True

    def verdict(self, change: Change) -> Verdict:
        if change.conclusion == "higher":
            return self.higher
        return self.lower if change.conclusion == "lower" else change.conclusion


FIGURES = (
    Figure("single-stream p50", "ms", "p50_ms", "slower", "faster", "single_stream"),
    Figure("single-stream p90", "ms", "p90_ms", "slower", "faster", "single_stream"),
    Figure("single-stream p99", "ms", "p99_ms", "slower", "faster", "single-stream", tail=True),
    Figure("multi-stream p99", "ms", "p99_ms", "slower", "faster", "multi-stream", tail=True),
    Figure("offline", "samples/s", "samples_per_second", "faster", "slower", "offline"),
    Figure("server rate", "per s", "rate", "faster", "slower", "server"),
    Figure("load time", "ms", "load_ms", "slower", "faster"),
    Figure("peak memory", "MiB", "peak_memory_bytes", "bigger", "smaller", scale=2**20),
)
FILE_SIZE = Figure("file size", "MiB", "bytes", "bigger", "smaller", scale=2**20)
"""Of a deployment's artifact: one number, without noise."""


def processes(performance: Json) -> Sequence[Json]:
    """The figures of each process; empty where a run of several processes kept only their medians.

    Runs from before `replicates` was written have the figures of a single process as its summary.
    """
    if kept := sequence(performance.get("replicates")):
        return [mapping(process) for process in kept]
    return [performance] if number(performance.get("processes")) in (None, 1) else []


def same_processes(before: Json, after: Json) -> bool:
    """Whether both hold a measurement of one and the same process: clocks never agree to the last digit."""
    theirs = [_clocked(process) for process in processes(after)]
    return any(own in theirs for process in processes(before) if any(own := _clocked(process)))


def _clocked(process: Json) -> tuple[float | None, ...]:
    """What a clock told of a process; summaries of other versions may differ in the rest."""
    return (
        number(mapping(process.get("single_stream")).get("p50_ms")),
        number(mapping(process.get("offline")).get("samples_per_second")),
    )
