"""The scenarios on a clock of our own: no real time, so nothing here can be flaky. LoadGen issues for real."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.performance import load_generator, stability, throughput
from benchmarks.performance.latency import Latency, multi_stream, single_stream
from benchmarks.performance.load_generator import Timings
from benchmarks.performance.stability import WarmUp, drift, spread, tail_shift, trend, warm_up, warm_up_warning
from benchmarks.performance.sweep import sweep
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
    for module in (load_generator, stability, throughput):
        monkeypatch.setattr(module, "perf_counter_ns", clock)
    return clock


def model(clock: Clock, cost: Callable[[int], int]) -> tuple[Callable[[int], None], list[int]]:
    asked: list[int] = []

    def infer(index: int) -> None:
        asked.append(index)
        clock.advance(cost(index))

    return infer, asked


def in_passes(nanoseconds: list[int], samples: int) -> Timings:
    return Timings(tuple(nanoseconds), tuple(range(samples)) * (len(nanoseconds) // samples), samples)


def test_whole_passes_until_both_minima(clock: Clock) -> None:
    infer, asked = model(clock, lambda index: (index + 1) * MS)
    timings, warm = single_stream(infer, 4, min_warmup_seconds=0.02, min_seconds=0.025, min_count=2)
    assert timings.nanoseconds == tuple((index + 1) * MS for index in timings.order)
    assert len(timings.order) == 12  # 10 ms a pass
    for start in (0, 4, 8):
        assert sorted(timings.order[start : start + 4]) == [0, 1, 2, 3]
    assert asked[-12:] == list(timings.order)
    assert len(asked) == 12 + 8 + 16 and warm.settled and warm.change == 0  # 20 ms, then four rounds of four texts
    result = Latency.of(timings)
    assert (result.p50_ms, result.p90_ms, result.p99_ms, result.mean_ms) == (2, 4, 4, 2.5)
    assert result.steady
    by_count, _ = single_stream(infer, 4, min_warmup_seconds=0, min_seconds=0.001, min_count=9)
    assert len(by_count.order) == 12


def test_every_pass_has_an_order_of_its_own_that_the_seed_sets(clock: Clock) -> None:
    infer, _ = model(clock, lambda index: MS)
    measure = partial(single_stream, infer, 16, min_warmup_seconds=0, min_seconds=0.1, min_count=1)
    orders = [measure(seed=seed)[0].order for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0][16:32] != orders[0][32:48]


def test_nothing_is_written_where_it_runs(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    infer, _ = model(clock, lambda index: MS)
    single_stream(infer, 4, min_warmup_seconds=0, min_seconds=0.01, min_count=1)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_percentiles_are_nearest_ranks() -> None:
    result = Latency.of(in_passes(list(range(MS, 101 * MS, MS)), 100))
    assert (result.p50_ms, result.p90_ms, result.p95_ms, result.p99_ms) == (50, 90, 95, 99)


def test_slowing_down_is_unsteady_but_kept(clock: Clock) -> None:
    infer, asked = model(clock, lambda index: (1 + len(asked) // 100) * MS)
    timings, _ = single_stream(infer, 10, min_warmup_seconds=0, min_seconds=0.4, min_count=1)
    result = Latency.of(timings)
    assert not result.steady
    assert "slower than the earlier" in result.warnings[0].text
    assert result.count >= 100


def test_the_warm_up_goes_on_until_latency_stands_still(clock: Clock) -> None:
    infer, asked = model(clock, lambda index: max(10, 100 - len(asked)) * MS)
    found = warm_up(infer, 8, seconds=0, at_most=60)
    assert found.settled and abs(found.change or 0) <= 0.05
    assert 90 < len(asked) < 112
    growing, _ = model(clock, lambda index: clock.now // 10 + MS)
    assert not warm_up(growing, 8, seconds=0, at_most=1).settled


def test_scatter_of_one_text_is_unsteady_but_lengths_are_not() -> None:
    random = np.random.default_rng(0)
    lengths = np.tile(np.linspace(1, 9, 16), (20, 1)) * MS
    noisy = (lengths * np.exp(random.normal(0, 0.25, lengths.shape))).astype(np.int64)
    assert spread(lengths.astype(np.int64)) == 0 < 0.15 < spread(noisy) < 0.35
    result = Latency.of(in_passes(noisy.ravel().tolist(), 16))
    assert result.steady and result.scattered and "scatter" in result.warnings[0].text
    assert not Latency.of(in_passes(lengths.astype(np.int64).ravel().tolist(), 16)).scattered


def test_an_unstable_tail_marks_the_p99_alone() -> None:
    values = [MS] * 2000
    values[1500::25] = [4 * MS] * 20
    result = Latency.of(in_passes(values, 4))
    assert result.steady and not result.tail_steady
    assert "p99 of the later half" in result.warnings[0].text
    assert tail_shift(np.array(values)) == 3


def test_multi_stream_asks_for_eight_at_once(clock: Clock) -> None:
    queries: list[list[int]] = []

    def serve(indices: list[int]) -> None:
        queries.append(indices)
        clock.advance(len(indices) * MS)

    timings = multi_stream(serve, 20, min_seconds=0.5, min_count=40)
    assert {len(query) for query in queries} == {8}
    assert set(timings.nanoseconds) == {8 * MS} and len(timings.order) == 63 + 1  # 32, and what half a second takes
    assert {index for query in queries for index in query} == set(range(20))
    assert Latency.of(timings).p99_ms == 8


def test_a_sweep_goes_over_a_shape_that_is_refused(clock: Clock) -> None:
    def infer(batch: int, length: int) -> Callable[[], None]:
        def call() -> None:
            if length > 512:
                raise BenchmarkError("too long")
            clock.advance(batch * length * 1000)

        return call

    shapes = sweep(infer, [1, 8], [128, 1024], min_seconds=0.01, min_count=5, refused=BenchmarkError)
    assert [(shape.batch, shape.length) for shape in shapes] == [(1, 128), (1, 1024), (8, 128), (8, 1024)]
    assert [shape.reason for shape in shapes] == ["", "too long", "", "too long"]
    assert shapes[2].timings is not None and Latency.of(shapes[2].timings).p50_ms == 1.024
    assert shapes[1].timings is None


def test_lengths_are_no_drift(clock: Clock) -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 64)
    infer, _ = model(clock, lambda index: int(lengths[index]) * MS)
    for seconds in (0.1, 40):  # one pass, and several
        timings, _ = single_stream(infer, 64, min_warmup_seconds=0, min_seconds=seconds, min_count=1)
        assert Latency.of(timings).steady


def test_trend_in_one_pass(clock: Clock) -> None:
    infer, asked = model(clock, lambda index: (100 + len(asked)) * MS)
    timings, _ = single_stream(infer, 64, min_warmup_seconds=0, max_warmup_seconds=0, min_seconds=0.1, min_count=1)
    result = Latency.of(timings)
    assert not result.steady and result.count == 64
    assert "latency rose during the measurement" in result.warnings[0].text


def test_few_latencies_have_no_p99() -> None:
    result = Latency.of(in_passes([MS] * 50, 50))
    assert result.steady and not result.tail_steady and result.p90_bound_ms is None
    assert [one.text for one in result.warnings] == ["p99 of 50 latencies is their maximum"]
    assert result.warnings[0].next_step == "raise min_count to 662"


def test_results_are_json_and_come_again_from_raw_values(clock: Clock) -> None:
    infer, _ = model(clock, lambda index: MS)
    timings, _ = single_stream(infer, 3, min_warmup_seconds=0, min_seconds=0.01, min_count=1)
    kept = json.loads(json.dumps(asdict(timings)))
    again = Timings(tuple(kept["nanoseconds"]), tuple(kept["order"]), kept["samples"])
    assert Latency.of(again) == Latency.of(timings)


def test_garbage_collector_rests_and_is_put_back(clock: Clock) -> None:
    states: list[bool] = []
    assert gc.isenabled()

    def infer(index: int) -> None:
        states.append(gc.isenabled())
        clock.advance(MS)
        if len(states) > 3:
            raise RuntimeError("the model failed")

    with pytest.raises(RuntimeError, match="the model failed"):
        single_stream(infer, 2, min_warmup_seconds=0, max_warmup_seconds=0, min_seconds=1, min_count=1)
    assert not any(states)
    assert gc.isenabled()


def test_offline_rates(clock: Clock) -> None:
    passes: list[int] = []

    def run() -> int:
        passes.append(len(passes))
        clock.advance(500 * MS if len(passes) == 1 else 250 * MS)  # the first builds its buffers
        return 50

    result, warm = offline(run, min_warmup_seconds=0, min_seconds=1, tokens=1000)
    assert warm == WarmUp(1.0, 0.0, settled=True)
    assert result.nanoseconds == (250 * MS,) * 4 and len(passes) == 1 + 2 + 4  # until two are alike
    assert (result.samples_per_second, result.tokens_per_second) == (200, 4000)
    assert result.steady
    kept = json.loads(json.dumps(asdict(result)))
    assert Throughput.from_nanoseconds(tuple(kept["nanoseconds"]), samples=50, tokens=1000) == result


def test_an_offline_warm_up_that_does_not_settle_says_so(clock: Clock) -> None:
    times = iter([100, 300, 100, 300, *[200] * 6])

    def run() -> int:
        clock.advance(next(times) * MS)
        return 1

    _, warm = offline(run, min_warmup_seconds=0, max_warmup_seconds=0.75, min_seconds=0.5)
    assert not warm.settled and warm.seconds == 0.8 and warm.change == pytest.approx(2)
    warning = warm_up_warning(warm)
    assert warning is not None and "still 200% slower" in warning.text
    _, warm = offline(run, min_warmup_seconds=0, max_warmup_seconds=0, min_seconds=0.1)
    assert warm == WarmUp(0.2, None, settled=False)  # one pass always


def test_offline_unsteady(clock: Clock) -> None:
    times = iter([100, 100, 100, 100, 150, 150, 150])  # two to warm up, and as many as half a second takes

    def run() -> int:
        clock.advance(next(times) * MS)
        return 1

    result, _ = offline(run, min_warmup_seconds=0, min_seconds=0.5)
    assert not result.steady
    assert "50% slower" in result.warnings[0].text
    assert result.tokens_per_second is None
    assert not Throughput.from_nanoseconds((MS,), samples=1).steady


def test_bad_use(clock: Clock) -> None:
    with pytest.raises(BenchmarkError, match="samples is 0"):
        single_stream(lambda index: None, 0, min_warmup_seconds=0, min_seconds=1, min_count=1)
    with pytest.raises(BenchmarkError, match="5 queries are not whole passes over 3 samples"):
        load_generator.issue("single-stream", print, samples=3, queries=5, seed=0)
    with pytest.raises(BenchmarkError, match="2 timings of 1 queries"):
        Latency.of(Timings((1, 2), (0,), 1))
    counts = iter([5, 5, 4])

    def shrinking() -> int:
        clock.advance(MS)
        return next(counts)

    with pytest.raises(BenchmarkError, match="a pass processed 4 examples after one of 5"):
        offline(shrinking, min_warmup_seconds=0, min_seconds=1)


def test_drift_ignores_single_outliers() -> None:
    passes = np.full((6, 20), MS)
    passes[4, 7] = 900 * MS
    assert drift(passes) == 0
    assert trend(np.full(50, MS)) == 0
    assert abs(trend(np.arange(50))) > 3
