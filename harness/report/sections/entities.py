"""Entities: whether a deployment finds the same ones, which it misses or makes up, and what became of them."""

from __future__ import annotations

from benchmarks.characteristics.entities import Entities
from harness.report.blocks import About, Block, Cell, Column
from harness.report.numbers import UNKNOWN, count, fixed, interval, percent, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import estimate_cell, marked
from harness.report.values import Pairs
from harness.report.view import DeploymentView, TaskView


def entities(task: TaskView, result: Entities, all_pairs: bool) -> list[Block]:
    return [
        *comparison(
            task,
            "Does it find the entities of the data?",
            (
                Column("F1"),
                Column("95 %"),
                Column("change"),
                Column("change\n95 %"),
                Column("precision"),
                Column("recall"),
                Column("missed"),
                Column("spurious"),
                Column("wrong\nboundary"),
                Column("wrong\ntype"),
            ),
            lambda d: _quality(result, d, is_reference=d.name == task.reference),
            (
                (
                    f"{count(result.entities)} entities in {count(result.sentences)} sentences. An entity is right "
                    "with its type and all of its words: seqeval's F1, precision and recall over entities.",
                    About(("change",), "change: less the reference's."),
                    "wrong boundary: right type, words that overlap; wrong type: right words.",
                ),
            ),
        ),
        *comparison(
            task,
            "Does it find the reference's entities?",
            (
                Column("shared"),
                Column("95 %"),
                Column("kept"),
                Column("lost"),
                Column("found"),
                Column("moved"),
                Column("relabelled"),
                Column("missed\nalike"),
                Column("newly\nmissed %"),
                Column("newly\nfound %"),
            ),
            lambda d: _change(task, result, d),
            (
                (
                    "shared: Jaccard of the two sets of entities, ~ the same as the floor within the margin, ? too few "
                    "to tell. kept, lost and found: entities of both, of the reference alone, of the deployment alone; "
                    "moved: same type, words that overlap; relabelled: same words, another type.",
                    About(
                        ("missed\nalike",),
                        "missed alike: Jaccard of the data's entities that each does not find; newly missed and newly "
                        "found: in shares of them.",
                    ),
                ),
            ),
            lambda d: d.name != task.reference,
        ),
    ]


def _quality(result: Entities, d: DeploymentView, *, is_reference: bool) -> tuple[Cell, ...]:
    own = result.quality.get(d.name)
    if own is None:
        return (Cell(UNKNOWN),) * 10
    errors = own.errors
    return (
        Cell(fixed(own.f1.value, 4)),
        Cell(interval(own.f1, decimals=3)),
        Cell(UNKNOWN if is_reference else signed(own.f1_change.value, 4)),
        Cell(UNKNOWN if is_reference else interval(own.f1_change, decimals=4)),
        Cell(fixed(own.precision.value, 3)),
        Cell(fixed(own.recall.value, 3)),
        *(Cell(count(kind)) for kind in (errors.missed, errors.spurious, errors.wrong_boundary, errors.wrong_type)),
    )


def _change(task: TaskView, result: Entities, d: DeploymentView) -> tuple[Cell, ...]:
    own = result.changes.get(d.name)
    if own is None:
        return (Cell(UNKNOWN),) * 10
    verdict, aligned = result.verdicts.get(d.name), own.alignment
    pairs = Pairs(result.errors.strata["all"].pairs) if result.errors else Pairs()
    pair = pairs.between(task.reference, d.name)
    return (
        marked(fixed(own.shared.value, 3), verdict.conclusion if verdict else None),
        Cell(interval(own.shared)),
        *(Cell(count(kind)) for kind in (aligned.same, aligned.lost, aligned.found, aligned.moved, aligned.relabelled)),
        Cell(UNKNOWN) if pair is None else estimate_cell(pair.jaccard),
        Cell(UNKNOWN if pair is None else percent(pair.negative_flip_rate.value)),
        Cell(UNKNOWN if pair is None else percent(pair.positive_flip_rate.value)),
    )
