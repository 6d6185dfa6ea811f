"""Breakdown of a deployment's time: tokenisation, batching, transfers, compute, decoding, each apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from harness.examples.records import Example
from harness.inference.deployment import DeploymentRunner
from harness.store.process_timings import DeviceTimes, LatencyBreakdown, StageTimes

T = TypeVar("T")

REQUESTS = 64
PASSES_AT_MOST = 5
SECONDS = 1.0
"""After which no further request or pass is looked at; one at least is."""


def latency_breakdown(deployment: DeploymentRunner, examples: Sequence[Example]) -> LatencyBreakdown:
    """One text alone, all of them, and one on the device: medians of a few. The warm-up is the caller's."""
    features = deployment.encode(examples[:1])
    request = _median_of([[example] for example in examples[:REQUESTS]], deployment)
    batch = _median_of([examples] * PASSES_AT_MOST, deployment)
    device = deployment.backend.device_times(deployment.batch(features, range(len(features))))
    return LatencyBreakdown(request=request, batch=batch, device=None if device is None else DeviceTimes(**device))


def _median_of(portions: Sequence[Sequence[Example]], deployment: DeploymentRunner) -> StageTimes:
    seen: list[dict[str, float]] = []
    end = perf_counter() + SECONDS
    for portion in portions:
        if seen and perf_counter() > end:
            break
        seen.append(_stages(deployment, portion))
    return StageTimes(**{stage: 1e3 * median(times[stage] for times in seen) for stage in StageTimes.model_fields})


def _stages(deployment: DeploymentRunner, examples: Sequence[Example]) -> dict[str, float]:
    """Seconds by stage of one way from texts to decisions."""
    clocked = _Clocked(deployment.backend)
    watched = replace(deployment, backend=cast("Backend", clocked))
    features, tokenise = _timed(lambda: watched.encode(examples))
    outputs, infer = _timed(lambda: watched.infer(features))
    _, decode = _timed(lambda: watched.task.table(examples, features, outputs))
    return {"tokenise": tokenise, "batch": infer - clocked.seconds, "compute": clocked.seconds, "decode": decode}


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    before = perf_counter()
    result = call()
    return result, perf_counter() - before


@dataclass
class _Clocked:
    """A backend that adds up the time of its inferences."""

    backend: Backend
    seconds: float = field(default=0.0)

    def infer(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        outputs, seconds = _timed(lambda: self.backend.infer(feeds))
        self.seconds += seconds
        return outputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)
