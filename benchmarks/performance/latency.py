"""MLPerf's single-stream scenario: one sample at a time, the next when the last is done."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.performance.clock import DRIFT, drift, trend, without_garbage_collection


@dataclass(frozen=True)
class Latency:
    """Latencies of single inferences; everything but the raw values is computed from them."""

    nanoseconds: tuple[int, ...]
    """One a query, in the order of the queries: whole passes over the samples."""
    samples: int
    count: int
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float
    steady: bool
    warnings: tuple[str, ...]

    @classmethod
    def from_nanoseconds(cls, nanoseconds: tuple[int, ...], *, samples: int) -> Latency:
        """Summarise raw values; percentiles by nearest rank."""
        if not nanoseconds or samples < 1 or len(nanoseconds) % samples:
            raise BenchmarkError(
                f"{len(nanoseconds)} latencies are not whole passes over {samples} samples; give whole passes"
            )
        values = np.array(nanoseconds, dtype=np.int64)
        p50, p90, p95, p99 = np.percentile(values, (50, 90, 95, 99), method="inverted_cdf") / 1e6
        warnings = _warnings(values.reshape(-1, samples))
        if len(values) < 100:
            warnings = (
                *warnings,
                f"p99 of {len(values)} latencies is their maximum; raise min_count to 100 or more",
            )
        return cls(
            nanoseconds=nanoseconds,
            samples=samples,
            count=len(values),
            p50_ms=float(p50),
            p90_ms=float(p90),
            p95_ms=float(p95),
            p99_ms=float(p99),
            mean_ms=float(values.mean()) / 1e6,
            steady=not any(warning.startswith("unsteady") for warning in warnings),
            warnings=warnings,
        )


def single_stream(
    infer: Callable[[int], object],
    samples: int,
    *,
    warmup_seconds: float,
    min_seconds: float,
    min_count: int,
) -> Latency:
    """Time ``infer(index)``, over and over through indices 0 .. ``samples`` - 1.

    Ends after the first whole pass at which both ``min_seconds`` and ``min_count`` are reached: all
    deployments then answered the same texts equally often, however fast they are. The samples should be in
    no order of length. The warm-up goes through the samples too, and is not counted.
    """
    if samples < 1:
        raise BenchmarkError(f"samples is {samples}; give one sample at least")
    with without_garbage_collection():
        warm = perf_counter_ns() + int(warmup_seconds * 1e9)
        index = 0
        while perf_counter_ns() < warm:
            infer(index)
            index = (index + 1) % samples

        timings = array("q")
        end = perf_counter_ns() + int(min_seconds * 1e9)
        while not timings or perf_counter_ns() < end or len(timings) < min_count:
            for index in range(samples):
                before = perf_counter_ns()
                infer(index)
                timings.append(perf_counter_ns() - before)
    return Latency.from_nanoseconds(tuple(timings), samples=samples)


def _warnings(passes: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> tuple[str, ...]:
    if len(passes) == 1:
        if abs(trend(passes[0])) <= 3:
            return ()
        direction = "rose" if trend(passes[0]) > 0 else "fell"
        return (f"unsteady: latency {direction} during the only pass; raise warmup_seconds or quieten the machine",)
    change = drift(passes)
    if abs(change) <= DRIFT:
        return ()
    direction = "slower" if change > 0 else "faster"
    return (
        f"unsteady: the later half was {abs(change):.0%} {direction} than the earlier; "
        "raise warmup_seconds and min_seconds, or quieten the machine",
    )
