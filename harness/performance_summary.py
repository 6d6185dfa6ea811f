"""One deployment's figures from its processes: the median over fresh processes of each process's figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
        "single-stream": None
        if not streams
        else {
            **{name: _median(streams, lambda latency, name=name: getattr(latency, name)) for name in _PERCENTILES},
            "count": sum(latency.count for latency in streams),
            "steady": all(latency.steady for latency in streams),
        },
        "offline": None
        if not offline
        else {
            "samples_per_second": _median(offline, lambda throughput: throughput.samples_per_second),
            "tokens_per_second": _median(offline, lambda throughput: throughput.tokens_per_second),
            "steady": all(throughput.steady for throughput in offline),
        },
        "load_ms": _median(processes, lambda process: process["load_ms"]),
        "first_inference_ms": _median(processes, lambda process: process["first_inference_ms"]),
        "peak_memory_bytes": _median(processes, lambda process: process["peak_memory_bytes"]),
        "device_memory_bytes": _median(processes, lambda process: process["device_memory_bytes"]),
        "warnings": sorted({warning for figure in [*streams, *offline] for warning in figure.warnings}),
    }


_PERCENTILES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms")


def _latency(recorded: Mapping[str, Any]) -> Latency:
    return Latency.from_nanoseconds(tuple(recorded["nanoseconds"]), samples=recorded["samples"])


def _throughput(recorded: Mapping[str, Any]) -> Throughput:
    return Throughput.from_nanoseconds(
        tuple(recorded["nanoseconds"]), samples=recorded["samples"], tokens=recorded["tokens"]
    )


def _median(things: Sequence[Any], figure: Callable[[Any], float | None]) -> float | None:
    values = [value for value in map(figure, things) if value is not None]
    return median(values) if values else None
