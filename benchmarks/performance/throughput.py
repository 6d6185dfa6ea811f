"""MLPerf's offline scenario: all samples are there at once, to be batched as suits best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.performance.clock import DRIFT, drift, without_garbage_collection


@dataclass(frozen=True)
class Throughput:
    """Passes over the whole sample; everything but the raw values is computed from them."""

    nanoseconds: tuple[int, ...]
    """One a pass."""
    samples: int
    """Examples a pass."""
    tokens: int | None
    """Tokens a pass, padding not counted."""
    passes: int
    samples_per_second: float
    tokens_per_second: float | None
    steady: bool
    warnings: tuple[str, ...]

    @classmethod
    def from_nanoseconds(cls, nanoseconds: tuple[int, ...], *, samples: int, tokens: int | None = None) -> Throughput:
        """Summarise raw values: rates are totals over total time."""
        if not nanoseconds or samples < 1:
            raise BenchmarkError(f"{len(nanoseconds)} passes over {samples} samples; give one of each at least")
        seconds = max(sum(nanoseconds), 1) / 1e9
        change = drift(np.array(nanoseconds, dtype=np.int64)[:, None]) if len(nanoseconds) > 1 else None
        warnings: tuple[str, ...] = ()
        if change is None:
            warnings = ("unsteady: one pass shows no spread; raise min_seconds",)
        elif abs(change) > DRIFT:
            direction = "slower" if change > 0 else "faster"
            warnings = (
                f"unsteady: later passes were {abs(change):.0%} {direction} than earlier ones; "
                "raise warmup_seconds and min_seconds, or quieten the machine",
            )
        return cls(
            nanoseconds=nanoseconds,
            samples=samples,
            tokens=tokens,
            passes=len(nanoseconds),
            samples_per_second=samples * len(nanoseconds) / seconds,
            tokens_per_second=None if tokens is None else tokens * len(nanoseconds) / seconds,
            steady=not warnings,
            warnings=warnings,
        )


def offline(
    run: Callable[[], int],
    *,
    warmup_seconds: float,
    min_seconds: float,
    min_passes: int = 2,
    tokens: int | None = None,
) -> Throughput:
    """Time ``run()``, which processes the whole sample once and returns how many examples that were.

    One pass at least warms up: every shape of batch has then been seen once. ``tokens`` is how many tokens
    a pass has, for a rate beside the one in examples.
    """
    with without_garbage_collection():
        warm = perf_counter_ns() + int(warmup_seconds * 1e9)
        samples = run()
        while perf_counter_ns() < warm:
            run()

        timings: list[int] = []
        end = perf_counter_ns() + int(min_seconds * 1e9)
        while len(timings) < max(1, min_passes) or perf_counter_ns() < end:
            before = perf_counter_ns()
            done = run()
            timings.append(perf_counter_ns() - before)
            if done != samples:
                raise BenchmarkError(f"a pass processed {done} examples after one of {samples}; passes must be alike")
    return Throughput.from_nanoseconds(tuple(timings), samples=samples, tokens=tokens)
