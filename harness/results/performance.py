"""One deployment's figures from its processes: the median over fresh processes of each process's figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, TypeVar

from benchmarks.performance.checks import disturbances
from benchmarks.performance.latency import Latency
from benchmarks.performance.paired import PairOfBursts, speed_up
from benchmarks.performance.replicates import median_interval, median_of_known
from benchmarks.performance.server import ServerResult
from benchmarks.performance.stability import warm_up_warning
from benchmarks.performance.sweep import Shape
from benchmarks.performance.throughput import Throughput
from benchmarks.performance.timing_warning import TimingWarning
from benchmarks.performance.tuning import Pairs, gain
from exporters.format import Precision
from exporters.work import Work
from harness.results.efficiency import efficiency
from harness.results.timings import (
    DeploymentPerformance,
    Interval,
    Intervals,
    LatencyFigures,
    OfflineFigures,
    OncePerProcess,
    PairedSpeedUp,
    ProcessFigures,
    SearchSpeedUp,
    ServerFigures,
    ServerLoad,
    ShapeFigures,
    TunedThroughput,
)
from harness.steps.tuned_throughput import TunedPairs
from harness.store.process_timings import (
    Conditions,
    DeviceTimes,
    LatencyBreakdown,
    MultiStream,
    ProcessTimings,
    ScenarioTimings,
    StageTimes,
)
from harness.store.record import Record

R = TypeVar("R", bound=Record)


def summarise(
    processes: Sequence[ProcessTimings],
    paired: PairedSpeedUp | None = None,
    work: Work | None = None,
    precision: Precision | None = None,
    searches: Mapping[str, SearchSpeedUp] | None = None,
    tuned: Sequence[TunedPairs] = (),
) -> DeploymentPerformance:
    """Figures of one deployment. Summaries are computed anew from the raw timings of each process.

    ``processes`` and ``tuned``: what the steps `performance` and `tuned_throughput` measured, one a fresh process.
    ``work`` of the model, and the format's ``precision``, where they are known.
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
        tuned=tuned_over_processes(tuned),
        paired=paired,
        searches=dict(searches or {}),
        **{name: median_of_known(getattr(one, name) for one in replicates) for name in _ONCE},
        memory_method=_method(replicates),
        intervals=_intervals(replicates),
        warnings=sorted({one for process in measured for one in process.warnings}, key=lambda one: one.text),
        replicates=replicates,
    )


def search_speed_up(processes: Sequence[Sequence[PairOfBursts]]) -> SearchSpeedUp:
    """Of searches in one kind of index; ``processes`` has the pairs of each."""
    float32 = median(one for pairs in processes for pair in pairs for one in pair.reference)
    return SearchSpeedUp(float32_ms=float32 / 1e6, **asdict(speed_up(processes)))


_ONCE = tuple(name for name in OncePerProcess.model_fields if name != "memory_method")
KERNELS_MARK = "VmHWM"
"""The method that misses no peak: see `backends.host.memory`."""


@dataclass(frozen=True)
class _Process:
    """One fresh process: what it recorded, and its scenarios, None where not measured."""

    recorded: ProcessTimings
    single_stream: Latency | None
    multi_stream: Latency | None
    offline: Throughput | None
    server: ServerResult | None

    @classmethod
    def of(cls, process: ProcessTimings) -> _Process:
        return cls(
            process,
            None if process.single_stream is None else process.single_stream.latency,
            None if process.multi_stream is None else process.multi_stream.latency,
            None if process.offline is None else process.offline.throughput,
            None if process.server is None else process.server.result,
        )

    @property
    def warnings(self) -> Iterator[TimingWarning]:
        for figures in (self.single_stream, self.multi_stream, self.offline, self.server):
            yield from figures.warnings if figures else ()
        for recorded in self.recorded.scenarios.values():
            yield from _disturbances(recorded.conditions)
            if not isinstance(recorded, MultiStream) and (warning := warm_up_warning(recorded.warm_up)):
                yield warning

    def figures(self) -> ProcessFigures:
        recorded = self.recorded
        return ProcessFigures(
            single_stream=_named(LatencyFigures, recorded.single_stream, self.single_stream),
            multi_stream=_named(LatencyFigures, recorded.multi_stream, self.multi_stream),
            offline=_named(OfflineFigures, recorded.offline, self.offline, **self._of_offline_alone()),
            server=_named(ServerLoad, recorded.server, self.server),
            **{name: getattr(recorded, name) for name in OncePerProcess.model_fields},
            conditions={name: scenario.conditions for name, scenario in recorded.scenarios.items()},
        )

    def _of_offline_alone(self) -> dict[str, float | None]:
        recorded = self.recorded.offline
        if recorded is None or self.offline is None:
            return {}
        inference = None if recorded.inference is None else recorded.inference.throughput.samples_per_second
        conditions, rate = recorded.conditions, self.offline.samples_per_second
        return {
            "inference_samples_per_second": inference,
            "cpu_joules_per_sample": _joules_per_sample(conditions.energy_joules.cpu, conditions.seconds, rate),
            "gpu_joules_per_sample": _joules_per_sample(conditions.energy_joules.gpu, conditions.seconds, rate),
        }


def _named(record: type[R], recorded: ScenarioTimings | None, figures: object | None, **further: Any) -> R | None:
    """The fields of the record that the figures have, and the further ones; None where it was not measured."""
    if recorded is None or figures is None:
        return None
    own = {name: getattr(figures, name) for name in record.model_fields if hasattr(figures, name)}
    disturbed = bool(_disturbances(recorded.conditions))
    return record.model_validate({**own, **further, "disturbed": disturbed})


def _joules_per_sample(used: float | None, seconds: float | None, rate: float) -> float | None:
    """Of the machine, the warm-up's included; None where the counters cannot be read."""
    return None if used is None or not seconds or not rate else used / seconds / rate


def _disturbances(conditions: Conditions) -> tuple[TimingWarning, ...]:
    return disturbances(conditions.model_dump())


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
            summary[name] = median_of_known(values)
    return record(**summary, **further)


def _server(processes: Sequence[ProcessTimings], replicates: Sequence[ServerLoad | None]) -> ServerFigures | None:
    first = next((process.server for process in processes if process.server is not None), None)
    load = _over_processes(ServerLoad, replicates)
    if first is None or load is None:
        return None
    return ServerFigures(**load.model_dump(), bound_from=first.bound_from, points=list(first.result.points))


def _sweep(processes: Sequence[ProcessTimings]) -> list[ShapeFigures]:
    """One entry a shape: medians over processes of its p50 and of the rate that this means."""
    shapes: dict[tuple[int, int], list[Shape]] = {}
    for process in processes:
        for shape in process.sweep or ():
            shapes.setdefault((shape.batch, shape.length), []).append(shape)
    entries = []
    for (batch, length), measurements in shapes.items():
        latencies = [Latency.of(shape.timings) for shape in measurements if shape.timings is not None]
        p50 = median_of_known(latency.p50_ms for latency in latencies)
        entries.append(
            ShapeFigures(
                batch=batch,
                length=length,
                p50_ms=p50,
                p90_ms=median_of_known(latency.p90_ms for latency in latencies),
                samples_per_second=None if not p50 else 1e3 * batch / p50,
                tokens_per_second=None if not p50 else 1e3 * batch * length / p50,
                count=sum(latency.count for latency in latencies),
                steady=all(latency.steady for latency in latencies),
                scattered=any(latency.scattered for latency in latencies),
                reason=measurements[0].reason,
            )
        )
    return entries


def _breakdown(processes: Sequence[ProcessTimings]) -> LatencyBreakdown | None:
    """Medians over processes."""
    breakdowns = [process.stages for process in processes if process.stages is not None]
    if not breakdowns:
        return None
    return LatencyBreakdown(
        request=_over_processes(StageTimes, [one.request for one in breakdowns]),
        batch=_over_processes(StageTimes, [one.batch for one in breakdowns]),
        device=_over_processes(DeviceTimes, [one.device for one in breakdowns]),
    )


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
