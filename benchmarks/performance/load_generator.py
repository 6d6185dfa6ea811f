"""MLPerf's LoadGen issues the queries; our own clock, around the calls, takes the time.

LoadGen decides which sample comes when, as MLPerf's rules say. Its own summaries are not used (its sums overflow on
long runs); its logs go to a folder that is gone when the run is over.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Literal

from benchmarks.errors import BenchmarkError

SAMPLES_PER_QUERY = 8
"""Of multi-stream: MLPerf's number."""

_NAMES = {
    "single-stream": "SingleStream",
    "multi-stream": "MultiStream",
    "offline": "Offline",
    "server": "Server",
}


@dataclass(frozen=True)
class Timings:
    """Raw timings of queries that came one after the other."""

    nanoseconds: tuple[int, ...]
    """One a query, in the order of the queries."""
    order: tuple[int, ...]
    """The (first) sample of each query."""
    samples: int
    """How many different ones there are."""


def issue(
    scenario: Literal["single-stream", "multi-stream", "offline"],
    serve: Callable[[list[int]], object],
    *,
    samples: int,
    queries: int,
    seed: int,
) -> Timings:
    """Let LoadGen issue queries, and time ``serve(indices of the samples)`` for each.

    ``single-stream``: ``queries`` whole passes' worth of single samples, every pass in an order of its own, so that
    all samples come equally often. ``multi-stream``: ``queries`` of eight samples, drawn at random. ``offline``: one
    query of ``queries`` samples.

    Raises:
        BenchmarkError: ``queries`` of single-stream or offline are no whole passes.
        Exception: whatever ``serve`` raised first.
    """
    whole_passes = scenario != "multi-stream"
    if samples < 1 or queries < 1 or (whole_passes and queries % samples):
        raise BenchmarkError(f"{queries} queries are not whole passes over {samples} samples; give whole passes")
    settings = _settings(scenario, seed)
    settings.sample_concatenate_permutation = whole_passes
    # LoadGen fills a single stream up to the next whole pass, an offline query only if it is none.
    settings.min_query_count = queries - 1 if scenario == "single-stream" else queries
    settings.multi_stream_samples_per_query = SAMPLES_PER_QUERY
    timings: list[int] = []
    order: list[int] = []

    def answer(query: Sequence[Any]) -> None:
        indices = [sample.index for sample in query]
        order.append(indices[0])
        before = perf_counter_ns()
        serve(indices)
        timings.append(perf_counter_ns() - before)

    run(settings, answer, samples=samples)
    return Timings(tuple(timings), tuple(order), samples)


def run(
    settings: Any,
    answer: Callable[[Sequence[Any]], None],
    *,
    samples: int,
    complete: bool = True,
    flush: Callable[[], None] = lambda: None,
) -> str:
    """One LoadGen test, and its summary. ``answer`` gets each query; with ``complete``, that answers it.

    LoadGen's C++ threads must not see an exception: the first one ends the test, in which whatever is still issued
    is not answered, and is raised from here.
    """
    import mlperf_loadgen

    failures: list[BaseException] = []

    def issue_query(query: Sequence[Any]) -> None:
        try:
            if not failures:
                answer(query)
        except BaseException as error:
            failures.append(error)
        if complete or failures:
            done(query)

    with tempfile.TemporaryDirectory(prefix="scalemodel-loadgen-") as folder:
        system = mlperf_loadgen.ConstructSUT(issue_query, flush)
        library = mlperf_loadgen.ConstructQSL(samples, samples, lambda _: None, lambda _: None)
        try:
            mlperf_loadgen.StartTestWithLogSettings(
                system, library, settings, _log(folder), str(Path(folder) / "audit.config")
            )
        finally:
            mlperf_loadgen.DestroyQSL(library)
            mlperf_loadgen.DestroySUT(system)
        summary = (Path(folder) / "mlperf_log_summary.txt").read_text(encoding="utf-8")
    if failures:
        raise failures[0]
    return summary


def done(query: Sequence[Any]) -> None:
    """Tell LoadGen that the samples of a query are answered. What they say is not its business."""
    import mlperf_loadgen

    mlperf_loadgen.QuerySamplesComplete([mlperf_loadgen.QuerySampleResponse(sample.id, 0, 0) for sample in query])


def server_settings(*, rate: float, queries: int, most_outstanding: int, seed: int) -> Any:
    """Poisson arrivals at ``rate`` a second; ends early where more than ``most_outstanding`` wait for an answer."""
    settings = _settings("server", seed)
    settings.server_target_qps = rate
    settings.server_max_async_queries = most_outstanding
    settings.min_query_count = queries
    return settings


def _settings(scenario: str, seed: int) -> Any:
    """As many queries as are asked for, however long they take: with a duration, LoadGen generates queries for
    twice that time at a rate that has to be guessed."""
    import mlperf_loadgen

    settings = mlperf_loadgen.TestSettings()
    settings.scenario = getattr(mlperf_loadgen.TestScenario, _NAMES[scenario])
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    settings.min_duration_ms = 0
    settings.qsl_rng_seed = settings.sample_index_rng_seed = settings.schedule_rng_seed = seed
    return settings


def _log(folder: str) -> Any:
    import mlperf_loadgen

    output = mlperf_loadgen.LogOutputSettings()
    output.outdir = folder
    output.copy_summary_to_stdout = False
    settings = mlperf_loadgen.LogSettings()
    settings.log_output = output
    settings.enable_trace = False
    return settings
