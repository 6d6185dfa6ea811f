"""Measure a deployment in this fresh process: load, first inference, the scenarios, memory, where time goes.

What has been measured is kept at once: a process that dies in one scenario leaves the figures of those before it.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from backends.errors import BackendError
from backends.host.memory import MemoryProbe
from backends.host.system_monitor import SystemMonitor
from benchmarks.errors import BenchmarkError
from benchmarks.performance.clock import calibrate, shortest
from benchmarks.performance.latency import multi_stream, single_stream
from benchmarks.performance.server import DEFAULT_BOUND, find_highest_rate
from benchmarks.performance.sweep import Shape, sweep
from benchmarks.performance.throughput import offline
from exporters.formats import ALL
from harness.config.performance import Performance, Sweep
from harness.data.sampling import sample
from harness.errors import StepFailed, status_of
from harness.examples.records import Example
from harness.inference.ceilings import ceilings
from harness.inference.deployment import DeploymentRunner, open_deployment
from harness.inference.latency_breakdown import latency_breakdown
from harness.inference.process import give_memory_back
from harness.steps.context import Context
from harness.steps.deployed import DeployedInputs, DeployedOptions, TimedOptions, deployment_options
from harness.store.examples import read_examples
from harness.store.process_timings import (
    Conditions,
    MultiStream,
    Offline,
    PassTimings,
    SampleWork,
    ScenarioTimings,
    ServerTimings,
    SingleStream,
    as_json,
)
from harness.store.step import StepRef
from harness.store.timings import Measured
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.features import Features

VERSION = 8
LIBRARIES = ("tokenizers", "mlcommons-loadgen")


class Options(DeployedOptions, TimedOptions):
    performance: Performance
    """``replicates``, ``tune`` and ``paired_processes`` have their defaults: one process does not depend on them."""
    replicate: int
    """Which of the fresh processes this is, from 0."""
    seed: int


class Inputs(DeployedInputs):
    examples: StepRef


def run(context: Context[Options, Inputs]) -> None:
    settings, artifact = context.options.performance, context.folder(context.inputs.artifact)
    examples = sample(
        read_examples(context.folder(context.inputs.examples)), settings.samples, seed=context.options.seed
    )
    options = deployment_options(context)
    features = options.task.open().encode(read_tokenizer(artifact), examples)
    _import_what_is_not_the_deployments()
    give_memory_back()  # else the runtime would reuse what the data have left behind, and seem smaller

    memory = MemoryProbe()
    started = time.perf_counter_ns()
    with open_deployment(artifact, options) as deployment:
        loaded = time.perf_counter_ns()
        deployment.backend.infer(deployment.batch(features, [0]))
        first = time.perf_counter_ns()
        measure = _Measurement(context, deployment, examples, features)
        figures = _Figures(context)
        figures.add(
            load_ms=(loaded - started) / 1e6,
            artifact_load_ms=1e3 * (deployment.backend.load_seconds or 0.0),
            first_inference_ms=(first - loaded) / 1e6,
            tokens_per_sample=measure.tokens / len(examples),
            work_per_sample=measure.work_per_sample(),
        )
        asked_for = settings.scenarios
        for place, scenario in enumerate(LOADS):
            if scenario in asked_for:
                figures.attempt(scenario, partial(measure.scenario, scenario), 0.2 * place)
        if not figures.failed:  # else it may not be the peak of anything that works
            # Here: fixed shapes may be larger than anything that is ever deployed.
            figures.add(
                peak_memory_bytes=memory.peak_bytes(),
                memory_method=memory.method,
                device_memory_bytes=memory.device_bytes(),
            )
        if "server" in asked_for:
            figures.attempt("server", partial(measure.scenario, "server"), 0.6)
        if settings.sweep is not None:
            figures.attempt("sweep", partial(measure.sweep, settings.sweep), 0.8)
        figures.attempt("stages", partial(latency_breakdown, deployment, examples), 0.9)
        figures.add(describe=deployment.backend.describe())
        figures.add(ceilings=ceilings(deployment.backend, ALL[options.format].precision))  # last: it takes memory
    figures.finish()


LOADS = ("single-stream", "multi-stream", "offline")
DEVICE_PASSES = 5
"""Passes of offline on a device, at least, by which it shows whether throughput stands still."""
FORESEEN = (BackendError, BenchmarkError, StepFailed, MemoryError)
"""What may end a scenario and leave the deployment as it is."""

Watch = Callable[[], Conditions]
"""Ends a watch over the machine, and tells what it did meanwhile."""


class _Figures(Measured):
    """The fields of `ProcessTimings` so far; a scenario that fails does not keep the next from being measured."""

    def __init__(self, context: Context[Options, Inputs]) -> None:
        super().__init__(context.destination)
        self._context = context
        self.failed: dict[str, BaseException] = {}

    def add(self, **figures: object) -> None:
        super().add(**as_json(figures))

    def attempt(self, name: str, measure: Callable[[], object], fraction: float) -> None:
        self._context.progress(name, fraction)
        try:
            self.add(**{name: measure()})
        except FORESEEN as error:
            traceback.print_exc()
            self.failed[name] = error

    def finish(self) -> None:
        """Leave all figures in one file.

        Raises:
            StepFailed: a scenario failed. What the others found stays where `read_unfinished` finds it.
        """
        if not self.failed:
            return super().finish()
        reasons = {name: status_of(error) for name, error in self.failed.items()}
        status, _ = next(iter(reasons.values()))
        raise StepFailed(status, "; ".join(f"{name}: {reason}" for name, (_, reason) in reasons.items()))


@dataclass(frozen=True)
class _Measurement:
    """The scenarios of one live deployment.

    A request is an example: a text, or a question with all windows of its context, which go in one batch.
    """

    context: Context[Options, Inputs]
    deployment: DeploymentRunner
    examples: Sequence[Example]
    features: Features

    @property
    def settings(self) -> Performance:
        return self.context.options.performance

    @property
    def seed(self) -> int:
        return self.context.options.seed

    @cached_property
    def windows(self) -> list[NDArray[np.int64]]:
        """The features of each example."""
        return np.split(np.arange(len(self.features)), self.features.first[1:])

    @property
    def tokens(self) -> int:
        return int(self.features.lengths.sum())

    def work_per_sample(self) -> SampleWork:
        lengths = self.features.lengths.astype(float)
        sums = {"texts": len(lengths), "tokens": lengths.sum(), "squared_tokens": (lengths**2).sum()}
        return SampleWork(**{name: float(total) / len(self.examples) for name, total in sums.items()})

    def scenario(self, name: str) -> ScenarioTimings:
        measures: dict[str, Callable[[Watch], ScenarioTimings]] = {
            "single-stream": self._single_stream,
            "multi-stream": self._multi_stream,
            "offline": self._offline,
            "server": self._server,
        }
        return measures[name](_watch_conditions(self._fixed_work()))

    def _fixed_work(self) -> Callable[[], object] | None:
        """A full batch of the first features, so much that the device's clock decides how long it takes; not on a CPU.

        Only with offline, whose batches are as large: the peak of memory is that of what was asked for.
        """
        if self.deployment.backend.device == "cpu" or "offline" not in self.settings.scenarios:
            return None
        rows = max(1, self.deployment.token_budget // int(self.features.lengths.max()))
        batch = self.deployment.batch(self.features, range(len(self.features))[:rows])
        return lambda: self.deployment.backend.infer(batch)

    def _single_stream(self, conditions: Watch) -> SingleStream:
        single = [self.deployment.batch(self.features, windows) for windows in self.windows]
        infer = self.deployment.backend.infer
        timings, warm_up = single_stream(
            lambda index: infer(single[index]),
            len(single),
            **self._limits("min_warmup_seconds", "max_warmup_seconds", "min_seconds", "min_count"),
            seed=self.seed,
        )
        return SingleStream(**asdict(timings), warm_up=warm_up, conditions=conditions())

    def _multi_stream(self, conditions: Watch) -> MultiStream:
        limits = self._limits("min_seconds", "min_count")
        timings = multi_stream(self._together, len(self.examples), **limits, seed=self.seed)
        return MultiStream(**asdict(timings), conditions=conditions())

    def _offline(self, conditions: Watch) -> Offline:
        if self.deployment.backend.device == "cpu":
            passes = self._passes(lambda: self.deployment.table(self.examples), 1)
            return Offline(**dict(passes), conditions=conditions())
        # A device works through the samples in a batch or two, and waits for the host before and behind them: there
        # have to be as many as take time. MLPerf's offline begins at tokens and ends at outputs.
        copies = self._copies_of_a_pass()
        examples = [*self.examples] * copies
        features = self.deployment.encode(examples)
        passes = self._passes(lambda: self.deployment.table(examples), copies)
        inference = self._passes(lambda: self.deployment.infer(features), copies)
        return Offline(**dict(passes), inference=inference, conditions=conditions())

    def _copies_of_a_pass(self) -> int:
        """How often the samples have to be repeated, so that `DEVICE_PASSES` passes take twice ``min_seconds``."""
        for _ in range(2):  # the first meets its shapes
            started = time.perf_counter()
            self.deployment.table(self.examples)
            seconds = time.perf_counter() - started
        return max(1, math.ceil(2 * self.settings.min_seconds / DEVICE_PASSES / seconds))

    def _passes(self, work: Callable[[], object], copies: int) -> PassTimings:
        """Of so many copies of the samples."""

        def one_pass() -> int:
            work()
            return copies * len(self.examples)

        limits = self._limits("min_warmup_seconds", "max_warmup_seconds", "min_seconds")
        least = 2 if copies == 1 else DEVICE_PASSES
        tokens = copies * self.tokens
        passes, warm_up = offline(one_pass, **limits, min_passes=least, tokens=tokens)
        return PassTimings(nanoseconds=passes.nanoseconds, samples=passes.samples, tokens=tokens, warm_up=warm_up)

    def _server(self, conditions: Watch) -> ServerTimings:
        settings = self.settings.server
        alone, warm_up = single_stream(
            lambda index: self._together([index]),
            len(self.examples),
            **self._limits("min_warmup_seconds", "max_warmup_seconds"),
            min_seconds=0.2,
            min_count=32,
        )
        milliseconds = np.array(alone.nanoseconds) / 1e6
        bound = settings.p99_ms or DEFAULT_BOUND * float(np.median(milliseconds))
        trials = find_highest_rate(
            self._together,
            len(self.examples),
            bound_ms=bound,
            queries=settings.queries,
            min_seconds=self.settings.min_seconds,
            service_ms=float(milliseconds.mean()),
            seed=self.seed,
        )
        bound_from = "study" if settings.p99_ms else f"{DEFAULT_BOUND:g} x single-stream p50"
        return ServerTimings(
            bound_ms=bound, bound_from=bound_from, trials=tuple(trials), warm_up=warm_up, conditions=conditions()
        )

    def sweep(self, settings: Sweep) -> tuple[Shape, ...]:
        backend = self.deployment.backend
        positions = self.deployment.positions
        shapes = sweep(
            lambda batch, length: _fixed_shape(backend, self.features.inputs, batch, length, positions),
            settings.batch,
            settings.length,
            min_seconds=settings.min_seconds,
            min_count=settings.min_count,
            refused=BackendError,
        )
        return tuple(shapes)

    def _together(self, indices: Sequence[int]) -> None:
        """Some requests as one batch, padded to the longest: padding is part of the answer's time."""
        windows = np.concatenate([self.windows[index] for index in indices])
        self.deployment.backend.infer(self.deployment.batch(self.features, windows))

    def _limits(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self.settings, name) for name in names}


def _fixed_shape(
    backend: Backend,
    inputs: Mapping[str, Sequence[NDArray[np.int64]]],
    batch: int,
    length: int,
    positions: int | None,
) -> Callable[[], object]:
    """An inference of ``batch`` rows of ``length`` tokens, cut from the real texts one after the other."""

    def refuse() -> None:
        raise BackendError(f"the model takes at most {positions} tokens")

    if positions is not None and length > positions:
        return refuse
    flowing = np.concatenate([*inputs["input_ids"]])
    ids = np.resize(flowing, (batch, length))
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    return lambda: backend.infer(feeds)


def _watch_conditions(on_device: Callable[[], object] | None) -> Watch:
    """Begin to watch the machine; ``on_device`` is fixed work of a device."""
    if on_device is not None:
        shortest(on_device)  # an idle device's clock is low
        device_before = shortest(on_device)
    before = calibrate()
    monitor = SystemMonitor()

    def stop() -> Conditions:
        seen = monitor.stop()
        change = calibrate() / before - 1
        on_gpu = None if on_device is None else shortest(on_device) / device_before - 1
        return Conditions(**seen, clock_change=change, gpu_clock_change=on_gpu)

    return stop


def _import_what_is_not_the_deployments() -> None:
    """Load what measures and keeps the figures, before memory is looked at."""
    import mlperf_loadgen  # noqa: F401

    from harness.data.arrow import pa  # noqa: F401
