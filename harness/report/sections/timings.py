"""Latency and its tail, load, where the time goes, and the surface over fixed shapes: the tables below the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.report.blocks import Cell, Column, Table
from harness.report.latency_breakdown import NAMES, limited_by, stages, transfer_share
from harness.report.numbers import EN_DASH, UNKNOWN, count, decimals_for, fixed, percent
from harness.report.sections.rows import KEY, filled, rows_by_model, timing_cell
from harness.report.values import Json, mapping, number, sequence, words
from harness.report.view import Deployment, TaskView


def timings(task: TaskView) -> tuple[Table, ...]:
    """The tables of which anything is known."""
    timed = [d for d in task.deployments if d.performance and d.replicate_kind != "execution"]
    found = [_load(task, timed), _stages(task, timed), _surface(task, timed)]
    return tuple(table for table in found if table is not None)


def _load(task: TaskView, timed: Sequence[Deployment]) -> Table | None:
    """Percentiles with their bounds, and the scenarios beside single-stream."""
    ms = decimals_for(d.latency(name) for d in timed for name in ("p50", "p99"))
    rate = decimals_for(_server(d, "rate") for d in timed)
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
        Column("joules\na text"),
    )

    def cells(d: Deployment) -> tuple[Cell, ...]:
        single, multi = _scenario(d, "single-stream"), _scenario(d, "multi-stream")
        return (
            timing_cell(fixed(d.latency("p50"), ms), d.doubtful("single-stream")),
            Cell(_interval(mapping(mapping(d.performance.get("intervals")).get("single-stream")).get("p50_ms"), ms)),
            Cell(fixed(d.latency("p95"), ms)),
            timing_cell(fixed(d.latency("p99"), ms), d.doubtful_tail("single-stream")),
            Cell(fixed(number(single.get("p90_bound_ms")), ms)),
            Cell(fixed(number(single.get("p99_bound_ms")), ms)),
            timing_cell(fixed(number(multi.get("p99_ms")), ms), d.doubtful_tail("multi-stream")),
            timing_cell(fixed(_server(d, "rate"), rate), d.doubtful("server")),
            Cell(fixed(_server(d, "p99_ms"), ms)),
            Cell(fixed(_server(d, "bound_ms"), ms)),
            Cell(fixed(_joules(d), 3)),
        )

    if not any(number(_scenario(d, name).get("p99_ms")) for d in timed for name in ("single-stream", "multi-stream")):
        return None
    notes = ["below: a bound at 99 % confidence, by MLPerf's early stopping (64 queries for a p90, 662 for a p99)."]
    if any(_server(d, "bound_ms") is not None for d in timed):
        sources = {words(_scenario(d, "server").get("bound_from")) for d in timed} - {""}
        told = {"the study's" if source == "study" else f"each its own: {source}" for source in sources}
        notes.append(
            "server: the highest rate of Poisson arrivals whose p99 stays under the bound"
            + (f" ({', '.join(sorted(told))})" if told else "")
            + "."
        )
    rows = rows_by_model(task, [(d, cells(d)) for d in timed])
    return filled(Table("Latency and load", columns, rows, tuple(notes)))


def _stages(task: TaskView, timed: Sequence[Deployment]) -> Table | None:
    """Load, first inference, and the shares of one request and of a batch."""
    if not any(stages(d, way) for d in timed for way in ("request", "batch")):
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

    def cells(d: Deployment) -> tuple[Cell, ...]:
        request, batch = stages(d, "request"), stages(d, "batch")
        shares = [Cell(percent(request.share(stage), 0) if request else UNKNOWN) for stage in NAMES]
        return (
            Cell(count(number(d.performance.get("load_ms")))),
            Cell(fixed(number(d.performance.get("first_inference_ms")), 1)),
            *shares,
            Cell(percent(transfer_share(d), 0)),
            *(Cell(limited_by(d, way) if way else UNKNOWN) for way in (request, batch)),
        )

    notes = (
        "Of one text, from text to decision. load: the runtime's import and the artifact. batch: padding, and cutting "
        "outputs back. copies: to the device and back, within compute.",
    )
    return filled(Table("Where the time goes", columns, rows_by_model(task, [(d, cells(d)) for d in timed]), notes))


def _surface(task: TaskView, timed: Sequence[Deployment]) -> Table | None:
    """Median latency by fixed shape."""
    by_shape = {d.name: {_shape(entry): entry for entry in _sweep(d)} for d in timed}
    shapes = sorted({shape for found in by_shape.values() for shape in found})
    if not shapes:
        return None
    ms = decimals_for(number(entry.get("p50_ms")) for found in by_shape.values() for entry in found.values())
    columns = (KEY, *(Column(f"{batch}x{length}\nms") for batch, length in shapes))

    def cell(entry: Json) -> Cell:
        doubtful = entry.get("steady") is False or entry.get("scattered") is True
        return timing_cell(fixed(number(entry.get("p50_ms")), ms), doubtful)

    rows = [(d, tuple(cell(by_shape[d.name].get(shape, {})) for shape in shapes)) for d in timed if by_shape[d.name]]
    refused = {words(entry.get("reason")) for found in by_shape.values() for entry in found.values()} - {""}
    notes = ["Median latency of batch x tokens, without padding."]
    notes += [f"- could not be run: {sorted(refused)[0]}"] if refused else []
    return Table("Fixed shapes", columns, rows_by_model(task, rows), tuple(notes))


def _scenario(deployment: Deployment, name: str) -> Json:
    return mapping(deployment.performance.get(name))


def _server(deployment: Deployment, figure: str) -> float | None:
    return number(_scenario(deployment, "server").get(figure))


def _joules(deployment: Deployment) -> float | None:
    """Of all that is known; None where no counter could be read."""
    offline = _scenario(deployment, "offline")
    known = [number(offline.get(f"{part}_joules_per_sample")) for part in ("cpu", "gpu")]
    found = [value for value in known if value is not None]
    return sum(found) if found else None


def _sweep(deployment: Deployment) -> Iterable[Json]:
    return (mapping(entry) for entry in sequence(deployment.performance.get("sweep")))


def _shape(entry: Json) -> tuple[int, int]:
    return int(number(entry.get("batch")) or 0), int(number(entry.get("length")) or 0)


def _interval(value: object, decimals: int) -> str:
    ends = [number(end) for end in sequence(value)]
    return EN_DASH.join(fixed(end, decimals) for end in ends) if len(ends) == 2 else UNKNOWN
