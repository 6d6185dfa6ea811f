"""One deployment's figures from its processes: the median over fresh processes of each process's figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.performance.latency import Latency
from benchmarks.performance.throughput import Throughput
from harness.tuned import tuned_over_processes


def summarise(processes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures of one deployment. Summaries are computed anew from the raw timings of each process.

    Args:
        processes: what the step `performance` measured, one entry a fresh process.

    Returns:
        Milliseconds, samples/s and bytes by name; a figure that no process could measure is None. `replicates` has
        the figures of each process by the same names, so that every median can be computed again.
    """
    measured = [_Process.of(process) for process in processes]
    replicates = [process.figures() for process in measured]
    return {
        "processes": len(processes),
        "single-stream": _over_processes(replicates, "single-stream", _PERCENTILES, ("count",)),
        "offline": _over_processes(replicates, "offline", _RATES),
        "tuned": tuned_over_processes([process["tuned"] for process in processes if "tuned" in process]),
        **{name: _median([replicate[name] for replicate in replicates]) for name in _ONCE_A_PROCESS},
        "warnings": sorted({warning for process in measured for warning in process.warnings}),
        "replicates": replicates,
    }


_ONCE_A_PROCESS = ("load_ms", "first_inference_ms", "peak_memory_bytes", "device_memory_bytes")
_PERCENTILES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms")
_RATES = ("samples_per_second", "tokens_per_second")


@dataclass(frozen=True)
class _Process:
    """One fresh process: its scenarios, None where not measured, and what was measured once."""

    single_stream: Latency | None
    offline: Throughput | None
    once: dict[str, float | None]

    @classmethod
    def of(cls, process: Mapping[str, Any]) -> _Process:
        return cls(
            _latency(process["single-stream"]) if "single-stream" in process else None,
            _throughput(process["offline"]) if "offline" in process else None,
            {name: process[name] for name in _ONCE_A_PROCESS},
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(w for scenario in (self.single_stream, self.offline) if scenario for w in scenario.warnings)

    def figures(self) -> dict[str, Any]:
        return {
            "single-stream": _named(self.single_stream, (*_PERCENTILES, "count", "steady")),
            "offline": _named(self.offline, (*_RATES, "steady")),
            **self.once,
        }


def _named(scenario: Latency | Throughput | None, names: Sequence[str]) -> dict[str, Any] | None:
    return None if scenario is None else {name: getattr(scenario, name) for name in names}


def _over_processes(
    replicates: Sequence[Mapping[str, Any]], scenario: str, medians: Sequence[str], sums: Sequence[str] = ()
) -> dict[str, Any] | None:
    found = [replicate[scenario] for replicate in replicates if replicate[scenario] is not None]
    if not found:
        return None
    return {
        **{name: _median([figures[name] for figures in found]) for name in medians},
        **{name: sum(figures[name] for figures in found) for name in sums},
        "steady": all(figures["steady"] for figures in found),
    }


def _latency(recorded: Mapping[str, Any]) -> Latency:
    return Latency.from_nanoseconds(tuple(recorded["nanoseconds"]), samples=recorded["samples"])


def _throughput(recorded: Mapping[str, Any]) -> Throughput:
    return Throughput.from_nanoseconds(
        tuple(recorded["nanoseconds"]), samples=recorded["samples"], tokens=recorded["tokens"]
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
