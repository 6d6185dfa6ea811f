"""Speed, memory and quality: the table that also names the deployments by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.statistics.equivalence import ScoreChange
from harness.report.blocks import About, Cell, Column, Note, Section, Table
from harness.report.findings.phrases import several
from harness.report.numbers import UNKNOWN, count, decimals_for, fixed, mebibytes, percent, ratio
from harness.report.sections.latency import latency_tables
from harness.report.sections.recalls import recalls
from harness.report.sections.rows import (
    KEY,
    MARKS,
    filled,
    marked,
    rows_by_model,
    speed_up_cell,
    speed_up_interval_cell,
    timing_cell,
)
from harness.report.sections.tuned_throughput import tuned
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView
from harness.results.deployments import Quality

MEBIBYTE = 2**20

Metric = Callable[[Quality], float | None]


def performance(task: TaskView) -> Section | None:
    listed = [d for d in task.deployments if d.replicate_kind != "execution"]
    has_device_memory = any(d.once.device_memory_bytes is not None for d in listed)
    scores = _scores(task)
    columns = [
        KEY,
        Column("p50\nms"),
        Column("p90\nms"),
        Column("speed-\nup"),
        Column("samples\nper s"),
        Column("peak\nMiB"),
        Column("file\nMiB"),
        *(Column(heading) for heading, _ in scores),
        *([Column("device\nMiB")] if has_device_memory else []),
        Column("speed-up\n95 %", optional=True),
        Column("p99\nms", optional=True),
        Column("offline\nratio", optional=True),
        Column("peak\nratio", optional=True),
        Column("file\nratio", optional=True),
        Column("load\nms", optional=True),
        Column("first\nms", optional=True),
    ]
    ms = decimals_for(d.latency("p50") for d in listed)
    rate = decimals_for(d.samples_per_second for d in listed)
    file = 0 if all((d.bytes or 0) >= MEBIBYTE for d in listed if d.ok) else 2
    reference = task.reference_deployment
    timed_offline = any(d.samples_per_second is not None for d in listed)

    def relative(value: float | None, base: float | None) -> Cell:
        return Cell(ratio(None if value is None or not base else value / base))

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        if not d.ok and not d.has_results:
            return (Cell("failed", "bad"), *(Cell(UNKNOWN) for _ in columns[2:]))
        memory = d.once.peak_memory_bytes
        p50 = timing_cell(fixed(d.latency("p50"), ms), d.doubtful("single_stream"))
        offline = timing_cell(fixed(d.samples_per_second, rate), d.doubtful("offline"))
        own = [
            p50 if d.ok or d.latency("p50") is not None else Cell("failed", "bad"),
            Cell(fixed(d.latency("p90"), ms)),
            speed_up_cell(task, d),
            offline if d.ok or not timed_offline or d.samples_per_second is not None else Cell("failed", "bad"),
            Cell(count(mebibytes(memory))),
            Cell(fixed(mebibytes(d.bytes), file)),
            *(_score(task, d, metric) for _, metric in scores),
        ]
        if has_device_memory:
            own.append(Cell(count(mebibytes(d.once.device_memory_bytes))))
        own += [
            speed_up_interval_cell(task, d),
            timing_cell(fixed(d.latency("p99"), ms), d.doubtful_tail("single_stream")),
            relative(d.samples_per_second, reference.samples_per_second if reference else None),
            relative(memory, reference.once.peak_memory_bytes if reference else None),
            relative(d.bytes, reference.bytes if reference else None),
            Cell(count(d.once.load_ms)),
            Cell(fixed(d.once.first_inference_ms, min(ms, 1))),
        ]
        return tuple(own)

    notes: list[Note] = []
    if not task.external:  # where a note at the head says it
        notes.append(_where(task, timed_offline) if any(d.timings for d in listed) else "Performance was not measured.")
    if judged := _judged(task):
        points = 100 * next(iter(judged.values())).margin
        within = f"{points:g} {'point' if points == 1 else 'points'}"
        notes.append(
            f"{MARKS['same']} scores like the reference, within {within} either way; "
            f"{MARKS['cannot tell']} too few examples to tell."
        )
    notes += _sampled(listed)
    disturbed = any(d.disturbed("single_stream") or d.disturbed("offline") for d in listed)
    if disturbed or any(d.unstable or d.unsettled_tail("single_stream") for d in listed):
        also = ", or the machine was disturbed" if disturbed else ""
        notes.append(f"! unstable timing{also}: printed, but take it as an order of magnitude.")
    table = filled(Table("", tuple(columns), rows_by_model(task, [(d, cells(d)) for d in listed]), tuple(notes)))
    heading = "Quality" if task.external else "Speed, memory and quality"
    if task.external and len(table.columns) == 1:
        return None
    return Section(heading, (table, *recalls(task), *latency_tables(task), *tuned(task)), level=2)


def _sampled(listed: Sequence[DeploymentView]) -> list[str]:
    """A peak that was not the kernel's own mark."""
    sampled = [d.number for d in listed if d.once.memory_method == "sampled"]
    which = ", ".join(f"[{number}]" for number in sampled)
    return [f"peak of {which}: looked at every 10 ms, a shorter one is missed."] if sampled else []


def _judged(task: TaskView) -> Mapping[str, ScoreChange]:
    """By deployment: whether its share of right answers is the reference's."""
    return task.overall.scores if task.overall else {}


def _score(task: TaskView, d: DeploymentView, metric: Metric) -> Cell:
    value = metric(d.quality) if d.quality else None
    judged = _judged(task)
    if value is None or metric is not _right or d.replicate_kind is not None or d.name not in judged:
        return Cell(percent(value))
    return marked(percent(value), judged[d.name].conclusion)


def _figure(name: str, quality: Quality) -> float | None:
    figure: float | None = getattr(quality, name)
    return figure


def _right(quality: Quality) -> float | None:
    return quality.score


def _scores(task: TaskView) -> list[tuple[str, Metric]]:
    """Headings and figures."""
    further = [(f"{heading}\n%", partial(_figure, name)) for name, heading in task.kind.figures.items()]
    return [*further, (f"{task.score_heading}\n%", _right)]


def _where(task: TaskView, timed_offline: bool) -> Note:
    threads = {d.runtime.threads for d in task.measured if d.runtime}
    request = several(task.unit) + (", all windows of one in one batch" if task.kind.windowed else "")
    latency = f"p50, p90: latency of single {request}"
    parts = [f"{latency}. samples per s: offline, batched" if timed_offline else latency]
    if len(threads) == 1:
        parts.append(f"{count(threads.pop())} threads")
    if len(task.backends) == 1:
        parts.append(f"all on {words(task.backends[0])}")
    return (
        "; ".join(parts) + ".",
        About(("speed-\nup",), f"speed-up: of {task.speed_measure}."),
        About(("peak\nMiB",), "peak: memory above a bare process."),
    )
