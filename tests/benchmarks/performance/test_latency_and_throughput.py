"""The scenarios on a clock of our own: no real time, so nothing here can be flaky."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.performance import latency, throughput
from benchmarks.performance.clock import drift, trend
from benchmarks.performance.latency import Latency, single_stream
from benchmarks.performance.throughput import Throughput, offline

MS = 1_000_000


class Clock:
    """Time passes only in `advance`."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def advance(self, nanoseconds: int) -> None:
        self.now += nanoseconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(latency, "perf_counter_ns", clock)
    monkeypatch.setattr(throughput, "perf_counter_ns", clock)
    return clock


def model(clock: Clock, cost: Callable[[int], int]) -> tuple[Callable[[int], None], list[int]]:
    asked: list[int] = []

    def infer(index: int) -> None:
        asked.append(index)
        clock.advance(cost(index))

    return infer, asked


def test_whole_passes_until_both_minima(clock: Clock) -> None:
    infer, asked = model(clock, lambda index: (index + 1) * MS)
    result = single_stream(infer, 4, warmup_seconds=0.02, min_seconds=0.025, min_count=2)
    assert result.nanoseconds == tuple([MS, 2 * MS, 3 * MS, 4 * MS] * 3)  # 10 ms a pass
    assert result.count == 12
    assert asked[-12:] == [0, 1, 2, 3] * 3
    assert len(asked) == 12 + 8  # 20 ms of warm-up
    assert (result.p50_ms, result.p90_ms, result.p99_ms, result.mean_ms) == (2, 4, 4, 2.5)
    assert result.steady
    by_count = single_stream(infer, 4, warmup_seconds=0, min_seconds=0.001, min_count=9)
    assert by_count.count == 12


def test_percentiles_are_nearest_ranks() -> None:
    result = Latency.from_nanoseconds(tuple(range(MS, 101 * MS, MS)), samples=100)
    assert (result.p50_ms, result.p90_ms, result.p95_ms, result.p99_ms) == (50, 90, 95, 99)


def test_slowing_down_is_unsteady_but_kept(clock: Clock) -> None:
    infer, asked = model(clock, lambda index: (1 + len(asked) // 100) * MS)
    result = single_stream(infer, 10, warmup_seconds=0, min_seconds=0.4, min_count=1)
    assert not result.steady
    assert "slower than the earlier" in result.warnings[0]
    assert result.count >= 100


def test_lengths_are_no_drift(clock: Clock) -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 64)
    infer, _ = model(clock, lambda index: int(lengths[index]) * MS)
    assert single_stream(infer, 64, warmup_seconds=0, min_seconds=0.1, min_count=1).steady  # one pass
    assert single_stream(infer, 64, warmup_seconds=0, min_seconds=10, min_count=1).steady


def test_trend_in_one_pass(clock: Clock) -> None:
    infer, asked = model(clock, lambda index: (100 + len(asked)) * MS)
    result = single_stream(infer, 64, warmup_seconds=0, min_seconds=0.1, min_count=1)
    assert not result.steady
    assert "latency rose during the only pass" in result.warnings[0]


def test_few_latencies_have_no_p99() -> None:
    result = Latency.from_nanoseconds((MS,) * 50, samples=50)
    assert result.steady
    assert result.warnings == ("p99 of 50 latencies is their maximum; raise min_count to 100 or more",)


def test_results_are_json_and_come_again_from_raw_values(clock: Clock) -> None:
    infer, _ = model(clock, lambda index: MS)
    result = single_stream(infer, 3, warmup_seconds=0, min_seconds=0.01, min_count=1)
    kept = json.loads(json.dumps(asdict(result)))
    assert Latency.from_nanoseconds(tuple(kept["nanoseconds"]), samples=kept["samples"]) == result


def test_garbage_collector_rests_and_is_put_back(clock: Clock) -> None:
    states: list[bool] = []
    assert gc.isenabled()

    def infer(index: int) -> None:
        states.append(gc.isenabled())
        clock.advance(MS)
        if len(states) > 3:
            raise RuntimeError("the model failed")

    with pytest.raises(RuntimeError, match="the model failed"):
        single_stream(infer, 2, warmup_seconds=0, min_seconds=1, min_count=1)
    assert not any(states)
    assert gc.isenabled()


def test_offline_rates(clock: Clock) -> None:
    passes: list[int] = []

    def run() -> int:
        passes.append(len(passes))
        clock.advance(500 * MS if len(passes) == 1 else 250 * MS)  # the first builds its buffers
        return 50

    result = offline(run, warmup_seconds=0, min_seconds=1, tokens=1000)
    assert result.nanoseconds == (250 * MS,) * 4
    assert (result.samples_per_second, result.tokens_per_second) == (200, 4000)
    assert result.steady
    kept = json.loads(json.dumps(asdict(result)))
    assert Throughput.from_nanoseconds(tuple(kept["nanoseconds"]), samples=50, tokens=1000) == result


def test_offline_unsteady(clock: Clock) -> None:
    times = iter([100, 100, 100, 150, 150])

    def run() -> int:
        clock.advance(next(times) * MS)
        return 1

    result = offline(run, warmup_seconds=0, min_seconds=0.5)
    assert not result.steady
    assert "50% slower" in result.warnings[0]
    assert result.tokens_per_second is None
    assert not Throughput.from_nanoseconds((MS,), samples=1).steady


def test_bad_use(clock: Clock) -> None:
    with pytest.raises(BenchmarkError, match="samples is 0"):
        single_stream(lambda index: None, 0, warmup_seconds=0, min_seconds=1, min_count=1)
    with pytest.raises(BenchmarkError, match="5 latencies are not whole passes over 3 samples"):
        Latency.from_nanoseconds((1, 2, 3, 4, 5), samples=3)
    counts = iter([5, 4])
    with pytest.raises(BenchmarkError, match="a pass processed 4 examples after one of 5"):
        offline(lambda: next(counts), warmup_seconds=0, min_seconds=1)


def test_drift_ignores_single_outliers() -> None:
    passes = np.full((6, 20), MS)
    passes[4, 7] = 900 * MS
    assert drift(passes) == 0
    assert trend(np.full(50, MS)) == 0
    assert abs(trend(np.arange(50))) > 3
