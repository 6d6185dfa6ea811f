"""One deployment's figures from its processes: the median over fresh processes of each process's figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.performance.latency import Latency
from benchmarks.performance.throughput import Throughput


def summarise(processes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures of one deployment. Summaries are computed anew from the raw timings of each process.

    Args:
        processes: what the step `performance` measured, one entry a fresh process.

    Returns:
        Milliseconds, samples/s and bytes by name; a figure that no process could measure is None.
    """
    streams = [_latency(process["single-stream"]) for process in processes if "single-stream" in process]
    offline = [_throughput(process["offline"]) for process in processes if "offline" in process]
    return {
        "processes": len(processes),
        "single-stream": _single_stream(streams) if streams else None,
        "offline": _offline(offline) if offline else None,
        **{name: _median([process[name] for process in processes]) for name in _ONCE_A_PROCESS},
        "warnings": sorted(
            {warning for latency in streams for warning in latency.warnings}
            | {warning for throughput in offline for warning in throughput.warnings}
        ),
    }


_ONCE_A_PROCESS = ("load_ms", "first_inference_ms", "peak_memory_bytes", "device_memory_bytes")
_PERCENTILES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms")


def _single_stream(processes: Sequence[Latency]) -> dict[str, Any]:
    return {
        **{name: _median([getattr(latency, name) for latency in processes]) for name in _PERCENTILES},
        "count": sum(latency.count for latency in processes),
        "steady": all(latency.steady for latency in processes),
    }


def _offline(processes: Sequence[Throughput]) -> dict[str, Any]:
    return {
        "samples_per_second": _median([throughput.samples_per_second for throughput in processes]),
        "tokens_per_second": _median([throughput.tokens_per_second for throughput in processes]),
        "steady": all(throughput.steady for throughput in processes),
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
