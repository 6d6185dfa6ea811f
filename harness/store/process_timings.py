"""Raw timings of one fresh process on disk: the step `performance` writes them, results are computed from them.

Fields stand in the order in which they are written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from benchmarks.performance.latency import Latency
from benchmarks.performance.load_generator import Timings
from benchmarks.performance.server import RateTrial, ServerResult
from benchmarks.performance.stability import WarmUp
from benchmarks.performance.sweep import Shape
from benchmarks.performance.throughput import Throughput
from harness.store.record import Record, parse_record, read_record
from harness.store.timings import FILE, SO_FAR, read_so_far


class Energy(Record):
    """In joules; None: the counter cannot be read."""

    cpu: float | None
    """Of the processor packages, without memory."""
    gpu: float | None
    """Of the first GPU."""


class Conditions(Record):
    """What the machine did during a scenario: see `backends.host.system_monitor`. None: it does not tell."""

    seconds: float | None
    """Its duration."""
    own_cpu_seconds: float | None
    """Of the cores that the process may use: its own time."""
    other_cpu_seconds: float | None
    """Of these cores: other processes' time."""
    steal_seconds: float | None
    """Of these cores: other virtual machines' time."""
    quota_seconds: float | None
    """Time in which the container's quota held the process back."""
    thermal_throttles: float | None
    """How often cores were slowed for heat."""
    gpu_hot_seconds: float | None
    """Time in which heat held the GPU's clocks down."""
    gpu_power_capped_seconds: float | None
    """Time in which the limit of power held the GPU's clocks down."""
    gpu_mhz_before: int | None
    """The clock of the GPU's multiprocessors before."""
    gpu_mhz_after: int | None
    """The same afterwards."""
    gpu_throttle_reasons: str | None
    """What held the GPU's clocks down at the end; empty: nothing did."""
    gpu_processes: int | None
    """Other processes on the GPU."""
    cores: int
    """Cores that the process may use."""
    energy_joules: Energy
    """Used meanwhile."""
    clock_change: float
    """A fixed piece of work took this share longer after than before."""
    gpu_clock_change: float | None
    """The same of a fixed batch on the deployment's device; None on the CPU."""


class QueryTimings(Record):
    """The fields of `benchmarks.performance.load_generator.Timings`."""

    nanoseconds: tuple[int, ...]
    order: tuple[int, ...]
    samples: int

    @property
    def latency(self) -> Latency:
        return Latency.of(Timings(self.nanoseconds, self.order, self.samples))


class SingleStream(QueryTimings):
    """One request after the other."""

    warm_up: WarmUp
    conditions: Conditions


class MultiStream(QueryTimings):
    """Eight requests at once."""

    conditions: Conditions


class PassTimings(Record):
    """Passes over all samples."""

    nanoseconds: tuple[int, ...]
    """One a pass."""
    samples: int
    """Examples a pass."""
    tokens: int
    """Tokens a pass, padding not counted."""
    warm_up: WarmUp

    @property
    def throughput(self) -> Throughput:
        return Throughput.from_nanoseconds(self.nanoseconds, samples=self.samples, tokens=self.tokens)


class Offline(PassTimings):
    """All samples at once, from texts to decisions."""

    inference: PassTimings | None = None
    """From tokens to outputs; None, and not in the file: it was not timed by itself, on the CPU."""
    conditions: Conditions


class ServerTimings(Record):
    """Poisson arrivals at several rates."""

    bound_ms: float
    """What the p99 is held against."""
    bound_from: str
    """Where the bound comes from: "study", or a multiple of the deployment's own latency."""
    trials: tuple[RateTrial, ...]
    warm_up: WarmUp
    conditions: Conditions

    @property
    def result(self) -> ServerResult:
        return ServerResult.of(self.trials, self.bound_ms)


ScenarioTimings = SingleStream | MultiStream | Offline | ServerTimings


class SampleWork(Record):
    """Of a mean sample, what `exporters.work.Work.operations` takes."""

    texts: float
    """Texts, or windows."""
    tokens: float
    squared_tokens: float
    """The squares of their tokens."""


class StageTimes(Record):
    """One way from text to decision, in milliseconds."""

    tokenise: float
    """Tokenisation."""
    batch: float
    """Planning of batches, padding, and cutting outputs back."""
    compute: float
    """The calls of the runtime, transfers included."""
    decode: float
    """From outputs to decisions."""


class DeviceTimes(Record):
    """The calls of a runtime on a device of its own, in milliseconds."""

    host_to_device: float
    """Copies of the inputs."""
    compute: float
    """The computation itself."""
    device_to_host: float
    """Copies of the outputs."""


class LatencyBreakdown(Record):
    """Where the time goes."""

    request: StageTimes | None
    """Of one text alone."""
    batch: StageTimes | None
    """Of all texts together."""
    device: DeviceTimes | None
    """Of one text; None: nothing is copied to a device."""


class Ceilings(Record):
    """What the device reaches: see `harness.inference.ceilings`."""

    arithmetic: str
    """Of the product: fp32, fp16 or int8."""
    operations_per_second: float
    """Of one large product."""
    bytes_per_second: float
    """Read and written by one large addition."""


class ProcessTimings(Record):
    """One fresh process. None: it ended before it came to that; further reasons are told.

    What a study does not ask for is not in the file.
    """

    load_ms: float | None
    """From nothing to an open deployment."""
    artifact_load_ms: float | None
    """The artifact's part of it."""
    first_inference_ms: float | None
    """The first request after that."""
    tokens_per_sample: float | None
    work_per_sample: SampleWork | None
    single_stream: SingleStream | None = Field(default=None, alias="single-stream")
    """None: the study does not ask for it, or it failed. So of the other scenarios, and of `sweep`."""
    multi_stream: MultiStream | None = Field(default=None, alias="multi-stream")
    offline: Offline | None = None
    server: ServerTimings | None = None
    peak_memory_bytes: int | None
    """Above the bare process."""
    memory_method: str | None
    """How the peak was found: "VmHWM" misses none, "sampled" may."""
    device_memory_bytes: int | None
    """Above that before loading; None also where it is not known, or there is no device."""
    sweep: tuple[Shape, ...] | None = None
    """Fixed shapes."""
    stages: LatencyBreakdown | None
    """Where the time goes."""
    describe: dict[str, Any] | None
    """What really ran, as the opened backend told it."""
    ceilings: Ceilings | None
    """None also where ONNX Runtime does not reach the device."""

    @property
    def scenarios(self) -> dict[str, ScenarioTimings]:
        """Those that were measured, by field."""
        every = {
            "single_stream": self.single_stream,
            "multi_stream": self.multi_stream,
            "offline": self.offline,
            "server": self.server,
        }
        return {name: scenario for name, scenario in every.items() if scenario is not None}


_ALWAYS = tuple(name for name, field in ProcessTimings.model_fields.items() if field.is_required())
NOTHING = ProcessTimings.model_validate(dict.fromkeys(_ALWAYS))
"""Of a process that ended before it measured anything."""


def as_json(figures: Mapping[str, object]) -> dict[str, Any]:
    """Some fields of `ProcessTimings`, by their names in the file, ready for JSON.

    Raises:
        ValidationError: there is no such field, or its value is of another type.
    """
    whole = ProcessTimings.model_validate({**dict.fromkeys(_ALWAYS), **figures})
    written = whole.model_dump(by_alias=True, exclude_unset=True)
    return {name: written[name] for name in figures}


def read_timings(folder: Path) -> ProcessTimings:
    """What a process measured that came to its end.

    Raises:
        UserError: a field is missing, unknown or of another type.
    """
    return read_record(folder / FILE, ProcessTimings)


def read_unfinished(folder: Path) -> ProcessTimings | None:
    """What a process had measured that failed; None where that is nothing. Raises as `read_timings` does."""
    figures = read_so_far(folder)
    if not figures:
        return None
    return parse_record(folder / SO_FAR, json.dumps({**dict.fromkeys(_ALWAYS), **figures}), ProcessTimings)
