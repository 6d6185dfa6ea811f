"""MLPerf's offline scenario: all samples are there at once, to be batched as suits best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import perf_counter_ns

import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.performance.clock import without_garbage_collection
from benchmarks.performance.load_generator import issue
from benchmarks.performance.stability import DRIFT, SETTLED, WarmUp, changed, drift
from benchmarks.performance.timing_warning import TimingWarning


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
    warnings: tuple[TimingWarning, ...]

    @classmethod
    def from_nanoseconds(cls, nanoseconds: tuple[int, ...], *, samples: int, tokens: int | None = None) -> Throughput:
        """Summarise raw values: rates are totals over total time."""
        if not nanoseconds or samples < 1:
            raise BenchmarkError(f"{len(nanoseconds)} passes over {samples} samples; give one of each at least")
        seconds = max(sum(nanoseconds), 1) / 1e9
        change = drift(np.array(nanoseconds, dtype=np.int64)[:, None]) if len(nanoseconds) > 1 else None
        warnings: tuple[TimingWarning, ...] = ()
        if change is None:
            warnings = (TimingWarning("one pass", "unsteady: one pass shows no spread", "raise min_seconds"),)
        elif abs(change) > DRIFT:
            text = f"unsteady: later passes were {changed(change)} than earlier ones"
            next_step = "raise min_warmup_seconds and min_seconds, or quieten the machine"
            warnings = (TimingWarning("drift of passes", text, next_step),)
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
    min_warmup_seconds: float,
    min_seconds: float,
    min_passes: int = 2,
    tokens: int | None = None,
    max_warmup_seconds: float = 30.0,
) -> tuple[Throughput, WarmUp]:
    """Time ``run()``, which processes the whole sample once and returns how many examples that were.

    LoadGen issues one query of as many passes as take ``min_seconds``. One pass at least warms up, so that every
    shape of batch has been seen once; the warm-up ends when two passes in a row take equally long (`SETTLED`), or
    after ``max_warmup_seconds``. ``tokens`` is how many tokens a pass has, for a rate beside the one in examples.
    """
    with without_garbage_collection():
        samples, pass_time, warm = _warm_up(run, min_warmup_seconds, max(min_warmup_seconds, max_warmup_seconds))
        timings: list[int] = []

        def one_pass() -> None:
            before = perf_counter_ns()
            done = run()
            timings.append(perf_counter_ns() - before)
            if done != samples:
                raise BenchmarkError(f"a pass processed {done} examples after one of {samples}; passes must be alike")

        def all_passes(indices: list[int]) -> None:
            for _ in range(len(indices) // samples):
                one_pass()

        needed = max(1, min_passes)
        while len(timings) < needed or sum(timings) < min_seconds * 1e9:
            left = ceil((min_seconds * 1e9 - sum(timings)) / max(pass_time, 1))
            passes = max(1, needed - len(timings), left)
            issue("offline", all_passes, samples=samples, queries=passes * samples, seed=0)
            pass_time = sum(timings) // len(timings)
    return Throughput.from_nanoseconds(tuple(timings), samples=samples, tokens=tokens), warm


def _warm_up(run: Callable[[], int], seconds: float, at_most: float) -> tuple[int, int, WarmUp]:
    """Examples a pass, the nanoseconds of the last, and whether passes had stopped to change."""
    started = perf_counter_ns()
    samples, last = 0, 0
    while True:
        before = perf_counter_ns()
        samples = run()
        now = perf_counter_ns()
        change = (now - before) / last - 1 if last else None
        settled = change is not None and abs(change) <= SETTLED
        last = now - before
        elapsed = (now - started) / 1e9
        if elapsed >= at_most or (elapsed >= seconds and settled):
            return samples, last, WarmUp(elapsed, change, settled)
