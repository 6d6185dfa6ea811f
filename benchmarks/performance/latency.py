"""MLPerf's single-stream and multi-stream scenarios: a query at a time, the next when the last is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.performance.clock import without_garbage_collection
from benchmarks.performance.early_stopping import P99_QUERIES, upper_bound
from benchmarks.performance.load_generator import Timings, issue
from benchmarks.performance.stability import (
    WarmUp,
    drift_warning,
    spread_warning,
    tail_warning,
    trend_warning,
    warm_up,
)
from benchmarks.performance.timing_warning import TimingWarning

MULTI_STREAM_ROUND = 32
"""Queries after which multi-stream looks at the clock."""


@dataclass(frozen=True)
class Latency:
    """Latencies of queries; all is computed from raw timings. Percentiles are nearest ranks, in milliseconds."""

    count: int
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float
    p90_bound_ms: float | None
    """The p90 lies below it with 99 % confidence, by MLPerf's early stopping; None: too few queries."""
    p99_bound_ms: float | None
    steady: bool
    """Whether latency stood still: what drifts within a process says nothing about others."""
    scattered: bool
    """Whether timings of one and the same sample differ widely; over processes they still have a median."""
    tail_steady: bool
    """Whether the p99 is that of a steady tail of enough queries."""
    warnings: tuple[TimingWarning, ...]

    @classmethod
    def of(cls, timings: Timings) -> Latency:
        """Raises BenchmarkError without a single timing, or where each has not its sample."""
        if not timings.nanoseconds or len(timings.nanoseconds) != len(timings.order):
            raise BenchmarkError(
                f"{len(timings.nanoseconds)} timings of {len(timings.order)} queries; give one a query, one at least"
            )
        values = np.array(timings.nanoseconds, dtype=np.int64)
        p50, p90, p95, p99 = np.percentile(values, (50, 90, 95, 99), method="inverted_cdf") / 1e6
        bounds = [upper_bound(values, share) for share in (0.90, 0.99)]
        passes = _passes(timings)
        unsteady = trend_warning(values) if passes is None else drift_warning(passes)
        scattered = None if passes is None else spread_warning(passes)
        tail = tail_warning(values) if passes is None else tail_warning(passes.ravel())
        if len(values) < 100:
            text = f"p99 of {len(values)} latencies is their maximum"
            tail = TimingWarning("few latencies", text, f"raise min_count to {P99_QUERIES}")
        return cls(
            count=len(values),
            p50_ms=float(p50),
            p90_ms=float(p90),
            p95_ms=float(p95),
            p99_ms=float(p99),
            mean_ms=float(values.mean()) / 1e6,
            p90_bound_ms=None if bounds[0] is None else bounds[0] / 1e6,
            p99_bound_ms=None if bounds[1] is None else bounds[1] / 1e6,
            steady=unsteady is None,
            scattered=scattered is not None,
            tail_steady=unsteady is None and tail is None,
            warnings=tuple(warning for warning in (unsteady, scattered, tail) if warning),
        )


def _passes(timings: Timings) -> NDArray[np.int64] | None:
    """(passes, samples), each pass in the order of the samples; None where they did not come in whole passes."""
    if len(timings.order) % timings.samples:
        return None
    order = np.array(timings.order).reshape(-1, timings.samples)
    within = np.argsort(order, axis=1, kind="stable")
    if not (np.take_along_axis(order, within, axis=1) == np.arange(timings.samples)).all():
        return None
    passes = np.array(timings.nanoseconds, dtype=np.int64).reshape(order.shape)
    # A single pass is looked at for a trend, so it stays in the order of time.
    return passes if len(passes) == 1 else np.take_along_axis(passes, within, axis=1)


def single_stream(
    infer: Callable[[int], object],
    samples: int,
    *,
    min_warmup_seconds: float,
    min_seconds: float,
    min_count: int,
    max_warmup_seconds: float = 30.0,
    seed: int = 0,
) -> tuple[Timings, WarmUp]:
    """Time ``infer(index)`` for the indices 0 .. ``samples`` - 1, which LoadGen issues.

    Ends after the first whole passes with which both ``min_seconds`` and ``min_count`` are reached: all deployments
    then answered the same texts equally often, however fast they are.
    """
    if samples < 1:
        raise BenchmarkError(f"samples is {samples}; give one sample at least")
    with without_garbage_collection():
        warm = warm_up(infer, samples, seconds=min_warmup_seconds, at_most=max(min_warmup_seconds, max_warmup_seconds))
        parts: list[Timings] = []
        passes = 1
        while passes:
            parts.append(
                issue(
                    "single-stream",
                    lambda indices: infer(indices[0]),
                    samples=samples,
                    queries=passes * samples,
                    seed=seed + len(parts),
                )
            )
            passes = _passes_left(parts, samples, min_seconds, min_count)
    return _joined(parts), warm


def multi_stream(
    serve: Callable[[list[int]], object], samples: int, *, min_seconds: float, min_count: int, seed: int = 0
) -> Timings:
    """Time ``serve(eight indices)`` for queries that LoadGen draws, until both minima are reached."""
    with without_garbage_collection():
        serve([index % samples for index in range(8)])
        parts: list[Timings] = []
        left = 1
        while left:
            queries = max(MULTI_STREAM_ROUND, left)
            parts.append(issue("multi-stream", serve, samples=samples, queries=queries, seed=seed + len(parts)))
            left = _queries_left(parts, min_seconds, min_count)
    return _joined(parts)


def _passes_left(parts: Sequence[Timings], samples: int, min_seconds: float, min_count: int) -> int:
    return ceil(_queries_left(parts, min_seconds, min_count) / samples)


def _queries_left(parts: Sequence[Timings], min_seconds: float, min_count: int) -> int:
    """How many more queries both minima take, at the mean latency so far."""
    count = sum(len(part.nanoseconds) for part in parts)
    nanoseconds = sum(sum(part.nanoseconds) for part in parts)
    time_left = int(min_seconds * 1e9) - nanoseconds
    by_time = ceil(time_left * count / max(nanoseconds, 1)) if time_left > 0 else 0
    return max(by_time, min_count - count, 0)


def _joined(parts: Sequence[Timings]) -> Timings:
    return Timings(
        tuple(value for part in parts for value in part.nanoseconds),
        tuple(index for part in parts for index in part.order),
        parts[0].samples,
    )
