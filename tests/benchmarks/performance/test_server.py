"""The server scenario: LoadGen's arrivals are real, the clock and the time that answers take are not."""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import pairwise

import pytest

from benchmarks.performance import server
from benchmarks.performance.server import RateTrial, ServerResult, find_highest_rate

MS = 1_000_000


def trial(rate: float, *, over: int = 0, answered: int = 700, queries: int = 700) -> RateTrial:
    return RateTrial(rate, (30 * MS,) * over + (5 * MS,) * (answered - over), queries, None)


def test_the_highest_rate_that_passed_is_told_with_its_p99() -> None:
    found = ServerResult.of([trial(100), trial(150, over=1), trial(200, over=9), trial(170, over=2)], bound_ms=20)
    assert found.rate == 150 and found.p99_ms == 5
    assert [point.passed for point in found.points] == [True, True, False, False]
    assert [point.over for point in found.points] == [0, 1, 2, 9]
    assert found.steady and found.warnings == ()


def test_a_trial_passes_by_mlperfs_rule() -> None:
    # one of 662 may take longer, none of 661 (p99 at 99 % confidence)
    assert ServerResult.of([trial(1, over=1, answered=662, queries=662)], 20).rate == 1
    assert ServerResult.of([trial(1, over=1, answered=661, queries=661)], 20).rate is None
    assert ServerResult.of([trial(1, answered=100, queries=700)], 20).rate is None  # ended early
    assert ServerResult.of([trial(1, answered=100, queries=100)], 20).rate is None  # too few to tell


def test_doubts_are_told() -> None:
    assert "no rate kept the p99 under 2 ms" in ServerResult.of([trial(10)], 2).warnings[0].text
    assert "highest may be higher" in ServerResult.of([trial(10)], 20).warnings[0].text
    led_astray = ServerResult.of([trial(10, over=5), trial(20), trial(30, over=5)], 20)
    assert "a lower rate failed" in led_astray.warnings[0].text and not led_astray.steady
    late = RateTrial(10, (5 * MS,) * 700, 700, scheduled_p99=9 * MS)
    found = ServerResult.of([late, trial(20, over=9)], 20)
    assert "came later" in found.warnings[0].text and not found.steady


class Busy:
    """Answers on a clock that stands still but for the answers: a request waits for those before it."""

    def __init__(self, nanoseconds: int) -> None:
        self.now, self.cost, self.answered, self.largest = 0, nanoseconds, 0, 0
        self.lock = threading.Lock()

    def clock(self) -> int:
        return self.now

    def serve(self, indices: list[int]) -> None:
        with self.lock:
            self.answered += len(indices)
            self.largest = max(self.largest, len(indices))
            self.now += self.cost


def test_the_search_steps_up_while_rates_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Busy(0)
    monkeypatch.setattr(server, "perf_counter_ns", busy.clock)
    monkeypatch.setattr(server, "TRIALS_AT_MOST", 3)
    # The bound lets all requests wait at once, so that the scheduling of this machine ends no trial.
    trials = find_highest_rate(busy.serve, 8, bound_ms=1000, queries=700, min_seconds=0, service_ms=0.3)
    assert [trial.rate for trial in trials] == pytest.approx([2000, 3000, 4500])
    assert all(len(trial.nanoseconds) == 700 for trial in trials)
    assert 1 <= busy.largest <= server.LARGEST_BATCH


def test_the_callers_thread_answers_all_trials_and_has_seen_the_largest_batch_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A runtime makes a stream and handles, and captures its CUDA graphs, for every thread that is new to it."""
    monkeypatch.setattr(server, "TRIALS_AT_MOST", 2)
    asked: list[tuple[threading.Thread, int]] = []
    find_highest_rate(
        lambda indices: asked.append((threading.current_thread(), len(indices))),
        8,
        bound_ms=1000,
        queries=700,
        min_seconds=0,
        service_ms=0.3,
    )
    assert {thread for thread, _ in asked} == {threading.current_thread()}
    assert asked[0][1] == server.LARGEST_BATCH and sum(count for _, count in asked) == 2 * 700 + server.LARGEST_BATCH


def test_the_search_steps_down_and_hopeless_trials_end_early(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Busy(20 * MS)  # each answer alone takes longer than the bound
    monkeypatch.setattr(server, "perf_counter_ns", busy.clock)
    monkeypatch.setattr(server, "TRIALS_AT_MOST", 4)
    trials = find_highest_rate(busy.serve, 8, bound_ms=1, queries=700, min_seconds=0, service_ms=0.06)
    assert [round(before.rate / after.rate, 6) for before, after in pairwise(trials)] == [1.5] * 3
    assert all(len(trial.nanoseconds) < 700 for trial in trials)
    assert ServerResult.of(trials, 1).rate is None


def test_it_halves_the_way_between_what_passed_and_what_failed() -> None:
    assert server._next(100, float("inf")) == 150
    assert server._next(100, 144) == 120
    assert server._next(0, 150) == 100


def test_what_the_model_raises_comes_out() -> None:
    asked: list[list[int]] = []

    def fail(indices: list[int]) -> None:
        asked.append(indices)
        if len(asked) > 3:
            raise RuntimeError("the model failed")

    with pytest.raises(RuntimeError, match="the model failed"):
        find_highest_rate(fail, 8, bound_ms=1, queries=700, min_seconds=0, service_ms=1)


@pytest.mark.parametrize("rate", [20_000, 25_000])
def test_a_fast_model_under_a_hopeless_rate_ends_its_trial(rate: int) -> None:
    """In a process of its own: LoadGen crashed (SIGSEGV) where a thread that answered had ended before the test did."""
    script = (
        "import time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from benchmarks.performance.server import _trial\n"
        "loadgen = ThreadPoolExecutor(1)\n"
        "def serve(indices):\n"
        "    end = time.perf_counter() + 6e-5 * len(indices)\n"
        "    while time.perf_counter() < end: pass\n"
        f"for _ in range(3): _trial(loadgen, serve, 32, rate={rate}, bound_ms=50.0, queries=10_000, seed=0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
