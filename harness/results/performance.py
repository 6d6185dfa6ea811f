"""One deployment's figures from its processes: the median over fresh processes of each process's figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.performance.checks import disturbances
from benchmarks.performance.latency import Latency
from benchmarks.performance.load_generator import Timings
from benchmarks.performance.replicates import median_interval
from benchmarks.performance.server import Server, trials_of
from benchmarks.performance.stability import warm_up_warning
from benchmarks.performance.throughput import Throughput
from harness.results.tuned_throughput import tuned_over_processes

Json = Mapping[str, Any]


def summarise(processes: Sequence[Json]) -> dict[str, Any]:
    """Figures of one deployment. Summaries are computed anew from the raw timings of each process.

    Args:
        processes: what the step `performance` measured, one entry a fresh process.

    Returns:
        Milliseconds, samples/s, bytes and joules by name; a figure that no process could measure is None.
        `intervals` has the 95 % interval of each median over processes, where there are enough of them.
        `replicates` has the figures of each process by the same names, so that every median can be computed again.
    """
    measured = [_Process.of(process) for process in processes]
    replicates = [process.figures() for process in measured]
    return {
        "processes": len(processes),
        "single-stream": _over_processes(replicates, "single-stream", _LATENCIES, ("count",)),
        "multi-stream": _over_processes(replicates, "multi-stream", _LATENCIES, ("count",)),
        "offline": _over_processes(replicates, "offline", _RATES),
        "server": _server(processes, replicates),
        "sweep": _sweep(processes),
        "stages": _stages(processes),
        "tuned": tuned_over_processes([process["tuned"] for process in processes if "tuned" in process]),
        **{name: _median([replicate[name] for replicate in replicates]) for name in _ONCE_A_PROCESS},
        "memory_method": _method(processes),
        "intervals": _intervals(replicates),
        "warnings": sorted({warning for process in measured for warning in process.warnings}),
        "replicates": replicates,
    }


_ONCE_A_PROCESS = ("load_ms", "artifact_load_ms", "first_inference_ms", "peak_memory_bytes", "device_memory_bytes")
KERNELS_MARK = "VmHWM"
"""The method that misses no peak: see `backends.host.memory`."""
_LATENCIES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms", "p90_bound_ms", "p99_bound_ms")
_RATES = ("samples_per_second", "tokens_per_second", "cpu_joules_per_sample", "gpu_joules_per_sample")
_SERVED = ("rate", "p99_ms", "bound_ms")
_WITH_INTERVAL = {"single-stream": _LATENCIES[:4], "offline": _RATES[:1], "server": _SERVED[:1]}
_SCENARIOS = ("single-stream", "multi-stream", "offline", "server")


@dataclass(frozen=True)
class _Process:
    """One fresh process: its scenarios, None where not measured, and what was measured once."""

    recorded: Json
    latencies: dict[str, Latency | None]
    offline: Throughput | None
    server: Server | None

    @classmethod
    def of(cls, process: Json) -> _Process:
        latencies = {name: _latency(process[name]) if name in process else None for name in _SCENARIOS[:2]}
        return cls(
            process,
            latencies,
            _throughput(process["offline"]) if "offline" in process else None,
            _served(process["server"]) if "server" in process else None,
        )

    @property
    def warnings(self) -> Iterator[str]:
        for figures in (*self.latencies.values(), self.offline, self.server):
            yield from figures.warnings if figures else ()
        for name in _SCENARIOS:
            recorded = self.recorded.get(name) or {}
            yield from _disturbances(recorded)
            if (warm_up := recorded.get("warm_up")) and (told := warm_up_warning(**warm_up)):
                yield told

    def figures(self) -> dict[str, Any]:
        offline = self._named("offline", self.offline, (*_RATES[:2], "steady"))
        if offline is not None and self.offline is not None:
            offline |= _joules_per_sample(self.recorded["offline"], self.offline)
        return {
            **{
                name: self._named(name, figures, (*_LATENCIES, "count", "steady", "scattered", "tail_steady"))
                for name, figures in self.latencies.items()
            },
            "offline": offline,
            "server": self._named("server", self.server, (*_SERVED, "steady")),
            **{name: self.recorded.get(name) for name in (*_ONCE_A_PROCESS, "memory_method")},
            "conditions": {
                name: recorded["conditions"]
                for name in _SCENARIOS
                if "conditions" in (recorded := self.recorded.get(name) or {})
            },
        }

    def _named(self, scenario: str, figures: object | None, names: Sequence[str]) -> dict[str, Any] | None:
        if figures is None:
            return None
        disturbed = bool(_disturbances(self.recorded[scenario]))
        return {**{name: getattr(figures, name) for name in names}, "disturbed": disturbed}


def _disturbances(recorded: Json) -> tuple[str, ...]:
    return disturbances(recorded.get("conditions") or {})


def _method(processes: Sequence[Json]) -> str | None:
    """How the peak was found: the kernel's mark alone, or also samples, which can miss one."""
    methods = [process["memory_method"] for process in processes if process.get("memory_method")]
    return next((method for method in methods if method != KERNELS_MARK), methods[0] if methods else None)


def _over_processes(
    replicates: Sequence[Json], scenario: str, medians: Sequence[str], sums: Sequence[str] = ()
) -> dict[str, Any] | None:
    found = [replicate[scenario] for replicate in replicates if replicate[scenario] is not None]
    if not found:
        return None
    return {
        **{name: _median([figures[name] for figures in found]) for name in medians},
        **{name: sum(figures[name] for figures in found) for name in sums},
        **_marks(found),
    }


def _marks(found: Sequence[Json]) -> dict[str, bool]:
    """What is to be said of a figure, if it is to be said of that of a single process."""
    good = [name for name in ("steady", "tail_steady") if name in found[0]]
    bad = [name for name in ("scattered", "disturbed") if name in found[0]]
    return {
        **{name: all(figures[name] for figures in found) for name in good},
        **{name: any(figures[name] for figures in found) for name in bad},
    }


def _server(processes: Sequence[Json], replicates: Sequence[Json]) -> dict[str, Any] | None:
    """Medians, and the curve of the first process: rates differ from process to process."""
    found = [replicate["server"] for replicate in replicates if replicate["server"] is not None]
    if not found:
        return None
    first = next(process["server"] for process in processes if "server" in process)
    return {
        **{name: _median([figures[name] for figures in found]) for name in _SERVED},
        **_marks(found),
        "bound_from": first["bound_from"],
        "points": [asdict(point) for point in _served(first).points],
    }


def _sweep(processes: Sequence[Json]) -> list[dict[str, Any]]:
    """One entry a shape: medians over processes of its p50 and of the rate that this means."""
    shapes: dict[tuple[int, int], list[Json]] = {}
    for process in processes:
        for shape in process.get("sweep") or ():
            shapes.setdefault((shape["batch"], shape["length"]), []).append(shape)
    entries = []
    for (batch, length), found in shapes.items():
        latencies = [_latency(shape["timings"]) for shape in found if shape["timings"] is not None]
        p50 = _median([latency.p50_ms for latency in latencies])
        entries.append(
            {
                "batch": batch,
                "length": length,
                "p50_ms": p50,
                "p90_ms": _median([latency.p90_ms for latency in latencies]),
                "samples_per_second": None if not p50 else 1e3 * batch / p50,
                "tokens_per_second": None if not p50 else 1e3 * batch * length / p50,
                "count": sum(latency.count for latency in latencies),
                "steady": all(latency.steady for latency in latencies),
                "scattered": any(latency.scattered for latency in latencies),
                "reason": found[0]["reason"],
            }
        )
    return entries


def _stages(processes: Sequence[Json]) -> dict[str, dict[str, float] | None] | None:
    """Milliseconds by stage, medians over processes: see `harness.inference.latency_breakdown`."""
    found = [process["stages"] for process in processes if process.get("stages")]
    if not found:
        return None
    summary: dict[str, dict[str, float] | None] = {}
    for way in found[0]:
        known = [stages[way] for stages in found if stages[way]]
        summary[way] = {stage: median(times[stage] for times in known) for stage in known[0]} if known else None
    return summary


def _intervals(replicates: Sequence[Json]) -> dict[str, dict[str, list[float] | None]]:
    def interval(values: Iterable[float | None]) -> list[float] | None:
        found = median_interval([value for value in values if value is not None])
        return None if found is None else list(found)

    return {
        **{
            scenario: {
                name: interval((replicate[scenario] or {}).get(name) for replicate in replicates) for name in names
            }
            for scenario, names in _WITH_INTERVAL.items()
        },
        "process": {name: interval(replicate[name] for replicate in replicates) for name in _ONCE_A_PROCESS},
    }


def _joules_per_sample(recorded: Json, offline: Throughput) -> dict[str, float | None]:
    """Of the machine, the warm-up's included; None where the counters cannot be read."""
    conditions = recorded.get("conditions") or {}
    energy, seconds = conditions.get("energy_joules") or {}, conditions.get("seconds")
    joules = {name: energy.get(name) for name in ("cpu", "gpu")}
    return {
        f"{name}_joules_per_sample": None
        if used is None or not seconds
        else used / seconds / offline.samples_per_second
        for name, used in joules.items()
    }


def _latency(recorded: Json) -> Latency:
    return Latency.of(Timings(tuple(recorded["nanoseconds"]), tuple(recorded["order"]), recorded["samples"]))


def _throughput(recorded: Json) -> Throughput:
    return Throughput.from_nanoseconds(
        tuple(recorded["nanoseconds"]), samples=recorded["samples"], tokens=recorded["tokens"]
    )


def _served(recorded: Json) -> Server:
    return Server.of(trials_of(recorded["trials"]), recorded["bound_ms"])


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
