"""Labels of texts: whether a deployment gives the same ones, and which it misses or makes up."""

from __future__ import annotations

from benchmarks.characteristics.label_sets import LabelSets
from harness.report.blocks import About, Block, Cell, Column
from harness.report.numbers import UNKNOWN, count, fixed, interval, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import estimate_cell, marked
from harness.report.values import Pairs
from harness.report.view import DeploymentView, TaskView


def label_sets(task: TaskView, result: LabelSets, all_pairs: bool) -> list[Block]:
    pairs = Pairs(result.errors.strata["all"].pairs) if result.errors else Pairs()

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        own = result.quality.get(d.name)
        if own is None:
            return (Cell(UNKNOWN),) * len(columns)
        quality = (
            Cell(fixed(own.f1.value, 4)),
            Cell(interval(own.f1, decimals=3)),
            Cell(fixed(own.precision.value, 3)),
            Cell(fixed(own.recall.value, 3)),
            Cell(count(own.missed)),
            Cell(count(own.spurious)),
        )
        change, verdict = result.changes.get(d.name), result.verdicts.get(d.name)
        if change is None:
            return (*quality, *(Cell(UNKNOWN),) * (len(columns) - len(quality)))
        pair = pairs.between(task.reference, d.name)
        return (
            *quality,
            Cell(signed(own.f1_change.value, 4)),
            Cell(interval(own.f1_change, decimals=4)),
            marked(fixed(change.shared.value, 3), verdict.conclusion if verdict else None),
            Cell(interval(change.shared)),
            Cell(count(change.lost)),
            Cell(count(change.found)),
            Cell(UNKNOWN) if pair is None else estimate_cell(pair.jaccard),
        )

    columns = (
        Column("F1"),
        Column("95 %"),
        Column("precision"),
        Column("recall"),
        Column("missed"),
        Column("spurious"),
        Column("change"),
        Column("change\n95 %"),
        Column("shared"),
        Column("95 %"),
        Column("lost"),
        Column("found"),
        Column("missed\nalike", optional=True),
    )
    note = (
        f"{count(result.labels)} labels on {count(result.texts)} texts; F1, precision and recall over all of them "
        "(micro). missed, spurious: labels of the data alone, of the deployment alone.",
        About(("change",), "change: F1 less the reference's."),
        About(
            ("shared",),
            "shared: Jaccard of its labels and the reference's, ~ the same as the floor within the margin, ? too few "
            "to tell; lost, found: of the reference alone, of the deployment alone.",
        ),
        About(("missed\nalike",), "missed alike: Jaccard of the data's labels that each does not give."),
    )
    return comparison(task, "Does it give the same labels?", columns, cells, (note,))
