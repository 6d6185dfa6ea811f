"""One deployment's figures from its processes: the median over fresh processes of each process's figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, TypeVar

from benchmarks.performance.checks import disturbances
from benchmarks.performance.latency import Latency
from benchmarks.performance.load_generator import Timings
from benchmarks.performance.paired import PairOfBursts, speed_up
from benchmarks.performance.replicates import median_interval
from benchmarks.performance.server import ServerResult, trials_of
from benchmarks.performance.stability import warm_up_warning
from benchmarks.performance.throughput import Throughput
from exporters.format import Precision
from exporters.work import Work
from harness.results.efficiency import efficiency
from harness.results.record import Record
from harness.results.timings import (
    Conditions,
    DeploymentPerformance,
    Interval,
    Intervals,
    LatencyBreakdown,
    LatencyFigures,
    OfflineFigures,
    OncePerProcess,
    PairedSpeedUp,
    ProcessFigures,
    SearchSpeedUp,
    ServerFigures,
    ServerLoad,
    ShapeFigures,
)
from harness.results.tuned_throughput import tuned_over_processes

Json = Mapping[str, Any]
R = TypeVar("R", bound=Record)


def summarise(
    processes: Sequence[Json],
    paired: PairedSpeedUp | None = None,
    work: Work | None = None,
    precision: Precision | None = None,
    searches: Mapping[str, SearchSpeedUp] | None = None,
) -> DeploymentPerformance:
    """Figures of one deployment. Summaries are computed anew from the raw timings of each process.

    ``processes``: what the step `performance` measured, one entry a fresh process; a scenario that a process did not
    come to is not in it. ``work`` of the model, and the format's ``precision``, where they are known.
    """
    measured = [_Process.of(process) for process in processes]
    replicates = [process.figures() for process in measured]
    return DeploymentPerformance(
        processes=len(processes),
        single_stream=_over_processes(LatencyFigures, [one.single_stream for one in replicates]),
        multi_stream=_over_processes(LatencyFigures, [one.multi_stream for one in replicates]),
        offline=_over_processes(OfflineFigures, [one.offline for one in replicates]),
        server=_server(processes, [one.server for one in replicates]),
        sweep=_sweep(processes),
        latency_breakdown=_breakdown(processes),
        efficiency=None if work is None else efficiency(processes, replicates, work, precision),
        tuned=tuned_over_processes([process["tuned"] for process in processes if "tuned" in process]),
        paired=paired,
        searches=dict(searches or {}),
        **{name: _median([getattr(one, name) for one in replicates]) for name in _ONCE},
        memory_method=_method(replicates),
        intervals=_intervals(replicates),
        warnings=sorted({warning for process in measured for warning in process.warnings}),
        replicates=replicates,
    )


def search_speed_up(processes: Sequence[Sequence[PairOfBursts]]) -> SearchSpeedUp:
    """Of searches in one kind of index; ``processes`` has the pairs of each."""
    float32 = median(one for pairs in processes for pair in pairs for one in pair.reference)
    return SearchSpeedUp(float32_ms=float32 / 1e6, **asdict(speed_up(processes)))


_ONCE = tuple(name for name in OncePerProcess.model_fields if name != "memory_method")
KERNELS_MARK = "VmHWM"
"""The method that misses no peak: see `backends.host.memory`."""
_SCENARIOS = ("single-stream", "multi-stream", "offline", "server")


@dataclass(frozen=True)
class _Process:
    """One fresh process: what it recorded, and its scenarios, None where not measured."""

    recorded: Json
    single_stream: Latency | None
    multi_stream: Latency | None
    offline: Throughput | None
    server: ServerResult | None

    @classmethod
    def of(cls, process: Json) -> _Process:
        return cls(
            process,
            _latency(process["single-stream"]) if "single-stream" in process else None,
            _latency(process["multi-stream"]) if "multi-stream" in process else None,
            _throughput(process["offline"]) if "offline" in process else None,
            _served(process["server"]) if "server" in process else None,
        )

    @property
    def scenarios(self) -> dict[str, Json]:
        return {name: self.recorded[name] for name in _SCENARIOS if name in self.recorded}

    @property
    def warnings(self) -> Iterator[str]:
        for figures in (self.single_stream, self.multi_stream, self.offline, self.server):
            yield from figures.warnings if figures else ()
        for recorded in self.scenarios.values():
            yield from _disturbances(recorded)
            if "warm_up" in recorded and (warning := warm_up_warning(**recorded["warm_up"])):
                yield warning

    def figures(self) -> ProcessFigures:
        return ProcessFigures(
            single_stream=self._named(LatencyFigures, "single-stream", self.single_stream),
            multi_stream=self._named(LatencyFigures, "multi-stream", self.multi_stream),
            offline=self._named(OfflineFigures, "offline", self.offline, **self._of_offline_alone()),
            server=self._named(ServerLoad, "server", self.server),
            **{name: self.recorded.get(name) for name in OncePerProcess.model_fields},
            conditions={
                name.replace("-", "_"): Conditions.model_validate(recorded["conditions"])
                for name, recorded in self.scenarios.items()
                if "conditions" in recorded
            },
        )

    def _named(self, record: type[R], scenario: str, figures: object | None, **further: Any) -> R | None:
        """The fields of the record that the figures have, and the further ones."""
        if figures is None:
            return None
        own = {name: getattr(figures, name) for name in record.model_fields if hasattr(figures, name)}
        disturbed = bool(_disturbances(self.recorded[scenario]))
        return record.model_validate({**own, **further, "disturbed": disturbed})

    def _of_offline_alone(self) -> dict[str, float | None]:
        inference = self.scenarios.get("offline", {}).get("inference")
        rate = None if inference is None else _throughput(inference).samples_per_second
        return {"inference_samples_per_second": rate, **self._joules_per_sample()}

    def _joules_per_sample(self) -> dict[str, float | None]:
        """Of the machine, the warm-up's included; None where the counters cannot be read."""
        conditions = self.recorded["offline"]["conditions"] if "conditions" in self.scenarios.get("offline", {}) else {}
        used, seconds = conditions.get("energy_joules", {}), conditions.get("seconds")
        rate = None if self.offline is None else self.offline.samples_per_second
        return {
            f"{name}_joules_per_sample": None
            if used.get(name) is None or not seconds or not rate
            else used[name] / seconds / rate
            for name in ("cpu", "gpu")
        }


def _disturbances(recorded: Json) -> tuple[str, ...]:
    return disturbances(recorded["conditions"]) if "conditions" in recorded else ()


def _method(replicates: Sequence[ProcessFigures]) -> str | None:
    """How the peak was found: the kernel's mark alone, or also samples, which can miss one."""
    methods = [one.memory_method for one in replicates if one.memory_method]
    return next((method for method in methods if method != KERNELS_MARK), methods[0] if methods else None)


def _over_processes(record: type[R], replicates: Sequence[R | None], **further: Any) -> R | None:
    """Medians of figures, sums of counts; a mark is to be set where it is that of a single process."""
    records = [figures for figures in replicates if figures is not None]
    if not records:
        return None
    summary: dict[str, Any] = {}
    for name in type(records[0]).model_fields:
        values = [getattr(figures, name) for figures in records]
        if name == "count":
            summary[name] = sum(values)
        elif name in ("steady", "tail_steady"):
            summary[name] = all(values)
        elif name in ("scattered", "disturbed"):
            summary[name] = any(values)
        else:
            summary[name] = _median(values)
    return record(**summary, **further)


def _server(processes: Sequence[Json], replicates: Sequence[ServerLoad | None]) -> ServerFigures | None:
    first = next((process["server"] for process in processes if "server" in process), None)
    load = _over_processes(ServerLoad, replicates)
    if first is None or load is None:
        return None
    points = list(_served(first).points)
    return ServerFigures(**load.model_dump(), bound_from=first["bound_from"], points=points)


def _sweep(processes: Sequence[Json]) -> list[ShapeFigures]:
    """One entry a shape: medians over processes of its p50 and of the rate that this means."""
    shapes: dict[tuple[int, int], list[Json]] = {}
    for process in processes:
        for shape in process.get("sweep") or ():
            shapes.setdefault((shape["batch"], shape["length"]), []).append(shape)
    entries = []
    for (batch, length), measurements in shapes.items():
        latencies = [_latency(shape["timings"]) for shape in measurements if shape["timings"] is not None]
        p50 = _median([latency.p50_ms for latency in latencies])
        entries.append(
            ShapeFigures(
                batch=batch,
                length=length,
                p50_ms=p50,
                p90_ms=_median([latency.p90_ms for latency in latencies]),
                samples_per_second=None if not p50 else 1e3 * batch / p50,
                tokens_per_second=None if not p50 else 1e3 * batch * length / p50,
                count=sum(latency.count for latency in latencies),
                steady=all(latency.steady for latency in latencies),
                scattered=any(latency.scattered for latency in latencies),
                reason=measurements[0]["reason"],
            )
        )
    return entries


def _breakdown(processes: Sequence[Json]) -> LatencyBreakdown | None:
    """Milliseconds by stage, medians over processes: see `harness.inference.latency_breakdown`."""
    breakdowns = [process["stages"] for process in processes if process.get("stages")]
    if not breakdowns:
        return None
    summary: dict[str, dict[str, float] | None] = {}
    for way in breakdowns[0]:
        known = [stages[way] for stages in breakdowns if stages[way]]
        summary[way] = {stage: median(times[stage] for times in known) for stage in known[0]} if known else None
    return LatencyBreakdown.model_validate(summary)


def _intervals(replicates: Sequence[ProcessFigures]) -> Intervals:
    """A field of `Intervals` is named after a scenario and its figure, or after what is measured once a process."""

    def interval(values: Iterable[float | None]) -> Interval | None:
        return median_interval([value for value in values if value is not None])

    def of_scenario(scenario: str, figure: str) -> Interval | None:
        scenario_figures = (getattr(one, scenario) for one in replicates)
        return interval(getattr(figures, figure) for figures in scenario_figures if figures is not None)

    scenarios = {"single_stream": ("p50_ms", "p90_ms", "p95_ms", "p99_ms"), "offline": ("samples_per_second",)}
    return Intervals(
        **{
            f"{scenario}_{name}": of_scenario(scenario, name) for scenario, names in scenarios.items() for name in names
        },
        server_rate=of_scenario("server", "rate"),
        **{name: interval(getattr(one, name) for one in replicates) for name in _ONCE},
    )


def _latency(recorded: Json) -> Latency:
    return Latency.of(Timings(tuple(recorded["nanoseconds"]), tuple(recorded["order"]), recorded["samples"]))


def _throughput(recorded: Json) -> Throughput:
    return Throughput.from_nanoseconds(
        tuple(recorded["nanoseconds"]), samples=recorded["samples"], tokens=recorded["tokens"]
    )


def _served(recorded: Json) -> ServerResult:
    return ServerResult.of(trials_of(recorded["trials"]), recorded["bound_ms"])


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
