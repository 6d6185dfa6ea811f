"""Tables of latency and its tail, load, where the time goes, and the surface over fixed shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from benchmarks.performance.early_stopping import P90_QUERIES, P99_QUERIES
from harness.report.blocks import About, Cell, Column, Note, Table
from harness.report.latency_breakdown import NAMES, limited_by, stages, transfer_share
from harness.report.numbers import EN_DASH, UNKNOWN, count, decimals_for, fixed, percent
from harness.report.sections.efficiency import efficiency
from harness.report.sections.rows import KEY, filled, rows_by_model, timing_cell
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView
from harness.results.timings import Interval, LatencyFigures, ServerFigures, ShapeFigures

WAYS: tuple[Literal["request", "batch"], ...] = ("request", "batch")


def latency_tables(task: TaskView) -> tuple[Table, ...]:
    """The tables of which anything is known."""
    timed = [d for d in task.deployments if d.timings and d.replicate_kind != "execution"]
    tables = [_load(task, timed), _stages(task, timed), efficiency(task), _surface(task, timed)]
    return tuple(table for table in tables if table is not None)


def _load(task: TaskView, timed: Sequence[DeploymentView]) -> Table | None:
    """Percentiles with their bounds, and the scenarios beside single-stream."""
    ms = decimals_for(d.latency(name) for d in timed for name in ("p50", "p99"))
    rate = decimals_for(server.rate for d in timed if (server := _server(d)))
    columns = (
        KEY,
        Column("p50\nms"),
        Column("95 %\nms", optional=True),
        Column("p95\nms", optional=True),
        Column("p99\nms"),
        Column("p90\nbelow"),
        Column("p99\nbelow"),
        Column("8 at once\np99 ms"),
        Column("server\nper s"),
        Column("server\np99 ms", optional=True),
        Column("bound\nms", optional=True),
        Column("inference\nper s", optional=True),
        Column("joules\na text"),
    )

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        single, multi, server = _single(d), _multi(d), _server(d)
        return (
            timing_cell(fixed(d.latency("p50"), ms), d.doubtful("single_stream")),
            Cell(_interval(d.timings.intervals.single_stream_p50_ms if d.timings else None, ms)),
            Cell(fixed(d.latency("p95"), ms)),
            timing_cell(fixed(d.latency("p99"), ms), d.doubtful_tail("single_stream")),
            Cell(fixed(single.p90_bound_ms if single else None, ms)),
            Cell(fixed(single.p99_bound_ms if single else None, ms)),
            timing_cell(fixed(multi.p99_ms if multi else None, ms), d.doubtful_tail("multi_stream")),
            timing_cell(fixed(server.rate if server else None, rate), d.doubtful("server")),
            Cell(fixed(server.p99_ms if server else None, ms)),
            Cell(fixed(server.bound_ms if server else None, ms)),
            timing_cell(fixed(_inference(d), rate), d.doubtful("offline")),
            Cell(fixed(_joules(d), 3)),
        )

    if not any(_single(d) or _multi(d) for d in timed):
        return None
    bound = (
        f"below: a bound at 99 % confidence, by MLPerf's early stopping ({P90_QUERIES} queries for a p90, "
        f"{P99_QUERIES} for a p99)."
    )
    notes: list[Note] = [(About(("p90\nbelow", "p99\nbelow"), bound),)]
    if sources := {words(server.bound_from) for d in timed if (server := _server(d))}:
        origins = {"the study's" if source == "study" else f"each its own: {source}" for source in sources}
        notes.append(
            "server: the highest rate of Poisson arrivals whose p99 stays under the bound "
            f"({', '.join(sorted(origins))})."
        )
    if any(_inference(d) is not None for d in timed):
        timed_inside = (
            "inference: offline from tokens to outputs, as MLPerf times it; samples per s begins at the text."
        )
        notes.append((About(("inference\nper s",), timed_inside),))
    rows = rows_by_model(task, [(d, cells(d)) for d in timed])
    return filled(Table("Latency and load", columns, rows, tuple(notes)))


def _stages(task: TaskView, timed: Sequence[DeploymentView]) -> Table | None:
    """Load, first inference, and the shares of one request and of a batch."""
    if not any(stages(d, way) for d in timed for way in WAYS):
        return None
    columns = (
        KEY,
        Column("load\nms"),
        Column("first\nms"),
        Column("token-\nise %"),
        Column("batch\n%"),
        Column("compute\n%"),
        Column("decode\n%"),
        Column("copies\n%"),
        Column("limited by", right=False),
        Column("offline\nlimited by", right=False, optional=True),
    )

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        request, batch = stages(d, "request"), stages(d, "batch")
        shares = [Cell(percent(request.share(stage), 0) if request else UNKNOWN) for stage in NAMES]
        return (
            Cell(count(d.once.load_ms)),
            Cell(fixed(d.once.first_inference_ms, 1)),
            *shares,
            Cell(percent(transfer_share(d), 0)),
            *(Cell(limited_by(d, way) if way else UNKNOWN) for way in (request, batch)),
        )

    note = (
        "Of one text, from text to decision.",
        About(("load\nms",), "load: the runtime's import and the artifact."),
        About(("batch\n%",), "batch: padding, and cutting outputs back."),
        About(("copies\n%",), "copies: to the device and back, within compute."),
    )
    rows = rows_by_model(task, [(d, cells(d)) for d in timed])
    return filled(Table("Where the time goes", columns, rows, (note,)))


def _surface(task: TaskView, timed: Sequence[DeploymentView]) -> Table | None:
    """Median latency by fixed shape."""
    by_shape = {
        d.name: {(one.batch, one.length): one for one in d.timings.sweep}
        for d in timed
        if d.timings and d.timings.sweep
    }
    shapes = sorted({shape for surface in by_shape.values() for shape in surface})
    if not shapes:
        return None
    ms = decimals_for(one.p50_ms for surface in by_shape.values() for one in surface.values())
    columns = (KEY, *(Column(f"{batch}x{length}\nms") for batch, length in shapes))

    def cell(one: ShapeFigures | None) -> Cell:
        return Cell(UNKNOWN) if one is None else timing_cell(fixed(one.p50_ms, ms), not one.steady or one.scattered)

    rows = [(d, tuple(cell(by_shape[d.name].get(shape)) for shape in shapes)) for d in timed if d.name in by_shape]
    refused = {words(one.reason) for surface in by_shape.values() for one in surface.values()} - {""}
    notes = ["Median latency of batch x tokens, without padding."]
    notes += [f"- could not be run: {sorted(refused)[0]}"] if refused else []
    return Table("Fixed shapes", columns, rows_by_model(task, rows), tuple(notes))


def _single(deployment: DeploymentView) -> LatencyFigures | None:
    return deployment.timings.single_stream if deployment.timings else None


def _multi(deployment: DeploymentView) -> LatencyFigures | None:
    return deployment.timings.multi_stream if deployment.timings else None


def _server(deployment: DeploymentView) -> ServerFigures | None:
    return deployment.timings.server if deployment.timings else None


def _inference(deployment: DeploymentView) -> float | None:
    offline = deployment.timings.offline if deployment.timings else None
    return None if offline is None else offline.inference_samples_per_second


def _joules(deployment: DeploymentView) -> float | None:
    """Of all that is known; None where no counter could be read."""
    offline = deployment.timings.offline if deployment.timings else None
    if offline is None:
        return None
    known = [joules for joules in (offline.cpu_joules_per_sample, offline.gpu_joules_per_sample) if joules is not None]
    return sum(known) if known else None


def _interval(ends: Interval | None, decimals: int) -> str:
    return UNKNOWN if ends is None else EN_DASH.join(fixed(end, decimals) for end in ends)
