"""Attribution of a change: every link of the chain checkpoint, export, precision, architecture, by itself."""

from __future__ import annotations

from harness.report import causes
from harness.report.blocks import Block, Cell, Column, Row, Table
from harness.report.findings.phrases import plural
from harness.report.floors import (
    ATTACK_OVERLAP,
    DETECTED_OVERLAP,
    DISAGREEMENT,
    neighbours_metric,
)
from harness.report.numbers import UNKNOWN, count, fixed, percent, ratio
from harness.report.sections.rows import filled, timing_cell
from harness.report.values import words
from harness.report.view import FORMAT_ORDER, DeploymentView, TaskView, short_format


def chain(task: TaskView) -> list[Block]:
    """A row for every link: what it alone changed, against the deployment before it."""
    groups = {
        "export: the checkpoint in PyTorch to ONNX FP32": causes.export_step,
        "architecture: the reference's model to another, both FP32": causes.architecture_step,
        "pruning: a model to itself without some weights or heads, both FP32": causes.pruning_step,
        "precision: a model's FP32 to fewer bits": causes.precision_step,
    }
    rows = []
    for told, link in groups.items():
        steps = [step for d in task.measured if d.replicate_kind is None and (step := link(task, d)) is not None]
        rows += [Row(_changes(task, step), told) for step in steps]
    if not rows:
        return []
    k = task.neighbours_shown
    columns = (
        Column("step", right=False),
        Column("speed-\nup"),
        Column("newly\nwrong"),
        Column("newly\nright"),
        Column("wrong,\nother"),
        Column("differ\n%"),
        Column("neigh\u00ad\nbours\n%"),
        Column("OOD\n%"),
        Column("attack\n%"),
    )
    note = (
        f"speed-up: of {task.speed_up_of}. wrong, other: wrong before and after, with another answer. neighbours, "
        "OOD, attack: of the nearest neighbours"
        + (f" (K = {k})" if k else "")
        + ", of the out-of-distribution points detected and of the texts on which the attack succeeds, the share that "
        "the two do not have in common (1 - Jaccard)."
    )
    return [filled(Table("Where it comes from: each step against the one before it", columns, tuple(rows), (note,)))]


def _changes(task: TaskView, step: causes.ChainLink) -> tuple[Cell, ...]:
    before, after = step.before.name, step.after.name
    pair = DISAGREEMENT.pairs(task).between(before, after)
    changed = DISAGREEMENT.of_pair(pair).value
    other = None
    if pair is not None and changed is not None and task.examples:
        other = max(0.0, round(changed * task.examples) - pair.newly_wrong - pair.newly_right)
    k = task.neighbours_shown
    kept = [
        neighbours_metric(k).between(task, before, after).value if k else None,
        DETECTED_OVERLAP.between(task, before, after).value,
        ATTACK_OVERLAP.between(task, before, after).value,
    ]
    return (
        Cell(f"[{step.before.number}] > [{step.after.number}] {_named(step)}"),
        _gain(task, step),
        Cell(count(pair.newly_wrong if pair else None)),
        Cell(count(pair.newly_right if pair else None)),
        Cell(count(other)),
        Cell(percent(changed)),
        *(Cell(UNKNOWN if share is None else fixed(100 * (1 - share), 0)) for share in kept),
    )


def _named(step: causes.ChainLink) -> str:
    if step.before.model != step.after.model:
        return words(step.after.model)
    return step.after.short


def one_step_at_a_time(task: TaskView) -> list[Block]:
    """Models down, formats across: each cell is one step of the chain, against the one before it."""
    tables: list[Block] = []
    backends = [b for b in task.backends if any(d.backend == b for d in task.measured)]
    for backend in backends:
        here = [d for d in task.measured if d.backend == backend and d.replicate_kind is None]
        formats = sorted(
            {d.format for d in here if not d.is_fp32},
            key=lambda f: (FORMAT_ORDER.index(f) if f in FORMAT_ORDER else len(FORMAT_ORDER), f),
        )
        models = list(dict.fromkeys(d.model for d in here))
        if not formats or len(models) < 2:
            continue
        rows = []
        for model in models:
            steps = [_architecture(task, here, model)]
            steps += [_precision(task, here, model, form) for form in formats]
            rows.append(Row((Cell(words(model)), *steps)))
        if not any(cell.text != UNKNOWN for row in rows for cell in row.cells[1:]):
            continue
        where = f" on {words(backend)}" if len(backends) > 1 else ""
        tables.append(
            Table(
                f"One step at a time{where}: predictions changed, and speed-up, by this step alone",
                (
                    Column("model", right=False),
                    Column("architecture\n% at speed-up"),
                    *(Column(f"{words(short_format(f))}\n% at speed-up") for f in formats),
                ),
                tuple(rows),
                (
                    "architecture: the model in FP32 against the reference's model in FP32. Formats: "
                    f"against the same model in FP32. Over {plural(task.examples or 0, 'example')}; speed-up: of "
                    f"{task.speed_up_of}.",
                ),
            )
        )
    return tables


def _architecture(task: TaskView, here: list[DeploymentView], model: str) -> Cell:
    for deployment in here:
        if deployment.model == model and deployment.is_fp32:
            step = causes.architecture_step(task, deployment)
            if step is not None and deployment is causes.fp32_of(task, model, deployment.backend):
                return _step_cell(task, step)
    return Cell(UNKNOWN)


def _precision(task: TaskView, here: list[DeploymentView], model: str, form: str) -> Cell:
    for deployment in here:
        if deployment.model == model and deployment.format == form:
            step = causes.precision_step(task, deployment)
            if step is not None:
                return _step_cell(task, step)
    return Cell(UNKNOWN)


def _step_cell(task: TaskView, step: causes.ChainLink) -> Cell:
    changed = DISAGREEMENT.between(task, step.before.name, step.after.name)
    gain = _gain(task, step)
    if changed.value is None and gain.text == UNKNOWN:
        return Cell(UNKNOWN)
    return Cell(f"{percent(changed.value)} at {gain.text}")


def _gain(task: TaskView, step: causes.ChainLink) -> Cell:
    """The speed-up by this step alone."""
    return timing_cell(ratio(task.speed_up(step.after, step.before)), task.doubtful_speed_up(step.after, step.before))
