"""MLPerf's server scenario: requests arrive at random, and the highest rate is sought whose p99 keeps a bound.

Arrivals are a Poisson process that LoadGen seeds and issues; a request's latency is from its arrival to its answer,
waiting included. Whatever waits when the deployment becomes free goes as one batch. All trials are answered by the
caller's thread, and LoadGen has one of its own: a runtime makes state on its device for each thread that calls it, and
a new thread's first requests would wait for that.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil, sqrt
from queue import Empty, SimpleQueue
from time import perf_counter_ns
from typing import Any

import numpy as np

from benchmarks.performance.clock import without_garbage_collection
from benchmarks.performance.early_stopping import overlatencies_allowed
from benchmarks.performance.load_generator import done, run, server_settings
from benchmarks.performance.timing_warning import TimingWarning

PERCENTILE = 0.99
LARGEST_BATCH = 8
"""Requests that are answered together: as many as a query of multi-stream has."""
PRECISION = 1.05
"""The search ends when the lowest rate that failed is this much above the highest that passed."""
STEP = 1.5
TRIALS_AT_MOST = 12
FIRST_LOAD = 0.6
"""Where the search begins, as a share of the rate at which requests are answered one after the other."""
LATE = 1.1
"""LoadGen's p99 may be this much above ours."""
DEFAULT_BOUND = 10.0
"""The bound without one in the study, in median latencies of a single stream."""


@dataclass(frozen=True)
class RateTrial:
    """One rate: raw latencies in the order of the answers."""

    rate: float
    """Requests a second, as asked for."""
    nanoseconds: tuple[int, ...]
    queries: int
    """As many as should have been answered; a trial that could no longer pass is ended early."""
    scheduled_p99: int | None
    """LoadGen's own p99, from the moment that a request should have come: ours begins when it came.

    None: LoadGen did not tell it.
    """


@dataclass(frozen=True)
class ServerPoint:
    """A trial's summary, a point of the curve of latency over load."""

    rate: float
    """Requests a second, as asked for."""
    answered: int
    """Requests that were answered."""
    p50_ms: float | None
    """Median latency, in milliseconds; None: nothing was answered."""
    p99_ms: float | None
    """99th percentile, in milliseconds; None: nothing was answered."""
    over: int
    """Requests that took longer than the bound."""
    passed: bool
    """Whether its p99 is shown to lie under the bound."""


@dataclass(frozen=True)
class ServerResult:
    """``rate``: the highest rate a second that passed; None: none did."""

    bound_ms: float
    rate: float | None
    p99_ms: float | None
    """At that rate."""
    points: tuple[ServerPoint, ...]
    """By rate."""
    steady: bool
    """Whether rates below it passed as well, and its requests came when they should have."""
    warnings: tuple[TimingWarning, ...]

    @classmethod
    def of(cls, trials: Sequence[RateTrial], bound_ms: float) -> ServerResult:
        """Computed from raw latencies, in LoadGen's rule for the p99 (`early_stopping`)."""
        points = tuple(sorted((_point(trial, bound_ms) for trial in trials), key=lambda point: point.rate))
        passed = [point for point in points if point.passed]
        best = passed[-1] if passed else None
        warnings: list[TimingWarning] = []
        steady = True
        if best is None:
            text = f"server: no rate kept the p99 under {bound_ms:.4g} ms"
            warnings.append(TimingWarning("no rate", text, "raise performance.server.p99_ms"))
        elif best is points[-1]:
            text = "server: every rate that was tried passed, the highest may be higher"
            warnings.append(TimingWarning("every rate", text, "lower performance.server.p99_ms"))
        elif any(not point.passed for point in points[: points.index(best)]):
            steady = False
            text = "server: a lower rate failed where a higher one passed"
            warnings.append(TimingWarning("lower rate", text, "raise performance.server.queries"))
        late = [trial for trial in trials if best is not None and trial.rate == best.rate and _came_late(trial)]
        if late:
            steady = False
            text = "server: requests came later than they should have, no core was left to send them"
            warnings.append(TimingWarning("late requests", text, "lower threads"))
        return cls(
            bound_ms, best.rate if best else None, best.p99_ms if best else None, points, steady, tuple(warnings)
        )


def find_highest_rate(
    serve: Callable[[list[int]], object],
    samples: int,
    *,
    bound_ms: float,
    queries: int,
    min_seconds: float,
    service_ms: float,
    seed: int = 0,
) -> list[RateTrial]:
    """Try rates, in steps and then by bisection, until the highest that passes is known to 5 %.

    ``serve(indices)`` answers some requests at once; the largest batch is answered once before.
    ``service_ms`` is how long one takes alone, on average; the search begins below the rate that this allows. A trial
    has ``queries`` requests, more where they take less than ``min_seconds``. All trials have the same arrivals,
    stretched in time.
    """
    trials: list[RateTrial] = []
    passed, failed = 0.0, float("inf")
    rate = FIRST_LOAD * 1e3 / service_ms
    with without_garbage_collection(), ThreadPoolExecutor(1, thread_name_prefix="loadgen") as loadgen:
        serve([index % samples for index in range(LARGEST_BATCH)])
        while len(trials) < TRIALS_AT_MOST and failed / max(passed, 1e-12) > PRECISION:
            count = max(queries, ceil(rate * min_seconds))
            trial = _trial(loadgen, serve, samples, rate=rate, bound_ms=bound_ms, queries=count, seed=seed)
            trials.append(trial)
            if _point(trial, bound_ms).passed:
                passed = rate
            else:
                failed = rate
            rate = _next(passed, failed)
    return trials


def _next(passed: float, failed: float) -> float:
    if failed == float("inf"):
        return passed * STEP
    return sqrt(passed * failed) if passed else failed / STEP


def _point(trial: RateTrial, bound_ms: float) -> ServerPoint:
    values = np.array(trial.nanoseconds, dtype=np.int64)
    over = int((values > bound_ms * 1e6).sum())
    allowed = overlatencies_allowed(trial.queries, PERCENTILE)
    whole = len(values) == trial.queries
    p50, p99 = np.percentile(values, (50, 99), method="inverted_cdf") / 1e6 if len(values) else (None, None)
    return ServerPoint(
        rate=trial.rate,
        answered=len(values),
        p50_ms=None if p50 is None else float(p50),
        p99_ms=None if p99 is None else float(p99),
        over=over,
        passed=whole and allowed is not None and over <= allowed,
    )


def _trial(
    loadgen: ThreadPoolExecutor,
    serve: Callable[[list[int]], object],
    samples: int,
    *,
    rate: float,
    bound_ms: float,
    queries: int,
    seed: int,
) -> RateTrial:
    queue = _Queue(serve, bound_ns=int(bound_ms * 1e6), allowed=overlatencies_allowed(queries, PERCENTILE) or 0)
    # A queue four times as long as fits into the bound is never worked off in time.
    most_outstanding = 4 * ceil(rate * bound_ms / 1e3) + 8 * LARGEST_BATCH
    settings = server_settings(rate=rate, queries=queries, most_outstanding=most_outstanding, seed=seed)
    test = loadgen.submit(run, settings, queue.accept, samples=samples, complete=False, flush=queue.flush)
    test.add_done_callback(lambda _: queue.end())
    queue.answer_all()
    summary = test.result()
    match = re.search(r"^99\.00 percentile latency \(ns\)\s*: (\d+)$", summary, re.MULTILINE)
    return RateTrial(rate, tuple(queue.latencies), queries, int(match[1]) if match else None)


def _came_late(trial: RateTrial) -> bool:
    """Whether waiting was lost between the time that a request should have come and the one it came at."""
    if trial.scheduled_p99 is None:
        return False
    return trial.scheduled_p99 > LATE * float(np.percentile(trial.nanoseconds, 99, method="inverted_cdf"))


class _Queue:
    """Requests that wait: LoadGen's thread brings them, the thread that called `answer_all` answers them."""

    def __init__(self, serve: Callable[[list[int]], object], *, bound_ns: int, allowed: int) -> None:
        self.latencies: list[int] = []
        self._serve, self._bound, self._allowed = serve, bound_ns, allowed
        self._over = 0
        self._waiting: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
        self._held: list[Any] = []
        self._failure: BaseException | None = None
        self._flushing, self._ending = threading.Event(), threading.Event()

    def accept(self, query: Sequence[Any]) -> None:
        """On LoadGen's thread: note the arrival, and be gone."""
        now = perf_counter_ns()
        for sample in query:
            self._waiting.put((now, sample))

    def flush(self) -> None:
        """LoadGen has issued all that it will: what is held back is answered now."""
        self._flushing.set()
        self._waiting.put(None)

    def end(self) -> None:
        """LoadGen's test is over."""
        self._ending.set()
        self.flush()

    def answer_all(self) -> None:
        """Answer requests until the test is over. Raises the first error of ``serve``."""
        while not (self._ending.is_set() and self._waiting.empty()):
            taken = self._take()
            requests = [request for request in taken if request is not None]
            if requests and self._hopeless:
                # Unanswered, they let LoadGen end the trial: more outstanding than it may have.
                self._held += [sample for _, sample in requests]
            elif requests:
                self._answer(requests)
            if self._flushing.is_set() and self._held:
                done(self._held)
                self._held = []
        if self._failure is not None:
            raise self._failure

    @property
    def _hopeless(self) -> bool:
        return self._failure is not None or self._over > self._allowed

    def _take(self) -> list[tuple[int, Any] | None]:
        taken = [self._waiting.get()]
        while len(taken) < LARGEST_BATCH and taken[-1] is not None:
            try:
                taken.append(self._waiting.get_nowait())
            except Empty:
                break
        return taken

    def _answer(self, requests: list[tuple[int, Any]]) -> None:
        samples = [sample for _, sample in requests]
        try:
            self._serve([sample.index for sample in samples])
        except BaseException as error:
            self._failure = error
            self._held += samples
            return
        now = perf_counter_ns()
        latencies = [now - arrived for arrived, _ in requests]
        self.latencies += latencies
        self._over += sum(latency > self._bound for latency in latencies)
        done(samples)
