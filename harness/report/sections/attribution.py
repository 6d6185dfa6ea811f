"""Attribution of a change: every link of the chain checkpoint, export, precision, architecture, by itself."""

from __future__ import annotations

from harness.report import causes
from harness.report.blocks import About, Block, Cell, Column, Row, Table
from harness.report.floors import (
    ATTACK_OVERLAP,
    DETECTED_OVERLAP,
    DISAGREEMENT,
    neighbours_metric,
)
from harness.report.numbers import UNKNOWN, count, fixed, percent, ratio
from harness.report.sections.rows import filled, timing_cell
from harness.report.values import words
from harness.report.view import TaskView


def chain(task: TaskView) -> list[Block]:
    """A row for every link: what it alone changed, against the deployment before it."""
    groups = {
        "export: the checkpoint in PyTorch to ONNX FP32": causes.export_step,
        "architecture: the reference's model to another, both FP32": causes.architecture_step,
        "pruning: a model to itself without some weights or heads, both FP32": causes.pruning_step,
        "precision: a model's FP32 to fewer bits": causes.precision_step,
    }
    rows = []
    for heading, link in groups.items():
        steps = [step for d in task.measured if d.replicate_kind is None and (step := link(task, d)) is not None]
        rows += [Row(_changes(task, step), heading) for step in steps]
    if not rows:
        return []
    k = task.neighbours_shown
    columns = (
        Column("step", right=False),
        Column("speed-\nup"),
        Column("newly\nwrong"),
        Column("newly\nright"),
        Column("other\nanswer"),
        Column("differ\n%"),
        Column("neigh\u00ad\nbours\n%"),
        Column("OOD\n%"),
        Column("attack\n%"),
    )
    note = (
        About(("speed-\nup",), f"speed-up: of {task.speed_measure}."),
        About(("other\nanswer",), "other answer: as wrong, or as right, as before, with another."),
        About(
            ("neigh\u00ad\nbours\n%",),
            f"neighbours: nearest neighbours (K = {k}) that the two do not share (1 - Jaccard).",
        ),
        About(("OOD\n%",), "OOD: out-of-distribution points detected that they do not share (1 - Jaccard)."),
        About(("attack\n%",), "attack: texts on which it succeeds that they do not share (1 - Jaccard)."),
    )
    return [filled(Table("Where it comes from: each step against the one before it", columns, tuple(rows), (note,)))]


def _changes(task: TaskView, step: causes.ChainLink) -> tuple[Cell, ...]:
    before, after = step.before.name, step.after.name
    pair = DISAGREEMENT.pairs(task).between(before, after)
    changed = DISAGREEMENT.of_pair(pair).value
    other = None
    if pair and pair.newly_wrong is not None and pair.newly_right is not None and changed is not None and task.examples:
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


def _gain(task: TaskView, step: causes.ChainLink) -> Cell:
    """The speed-up by this step alone."""
    return timing_cell(ratio(task.speed_up(step.after, step.before)), task.doubtful_speed_up(step.after, step.before))
