"""Settings of the measurements of speed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from benchmarks.performance.early_stopping import P99_QUERIES
from harness.config.strict import Strict


class Server(Strict):
    """The search for the highest rate of Poisson arrivals whose p99 stays under a bound."""

    p99_ms: Annotated[float | None, Field(gt=0)] = None
    """Of a request from its arrival to its answer; None takes ten median single-stream latencies of each deployment."""
    queries: Annotated[int, Field(ge=P99_QUERIES)] = P99_QUERIES
    """Requests a rate, at least; MLPerf's least for a p99 with 99 % confidence."""


class Sweep(Strict):
    """Fixed shapes, for a surface of latency: every batch size with every length."""

    batch: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)] = (1, 8)
    length: Annotated[tuple[Annotated[int, Field(gt=2)], ...], Field(min_length=1)] = (32, 128, 384)
    """Tokens, all of them real ones."""
    min_seconds: Annotated[float, Field(gt=0)] = 1.0
    min_count: Annotated[int, Field(gt=0)] = 10


class Performance(Strict):
    """How load is offered, in MLPerf's words; every figure is kept raw."""

    scenarios: tuple[Literal["single-stream", "multi-stream", "offline", "server"], ...] = ("single-stream", "offline")
    min_warmup_seconds: Annotated[float, Field(ge=0)] = 1.0
    """At least; a warm-up goes on until latency no longer changes."""
    max_warmup_seconds: Annotated[float, Field(gt=0)] = 30.0
    min_seconds: Annotated[float, Field(gt=0)] = 5.0
    min_count: Annotated[int, Field(gt=0)] = 64
    samples: Annotated[int, Field(gt=0)] = 256
    """Real texts of the evaluation set that are offered, over and over."""
    replicates: Annotated[int, Field(gt=0)] = 1
    """Fresh processes a deployment; they are interleaved over the deployments."""
    paired_processes: Annotated[int, Field(ge=0)] = 6
    """Fresh processes of the reference and of each other deployment, that take turns for the ratio of their speeds; 0
    leaves it out. Needs single-stream."""
    server: Server = Server()
    """Of the scenario of that name."""
    sweep: Sweep | None = None
    tune: bool = True
    """With offline, also search for the sessions, threads and token budget that are fastest, and measure them."""
