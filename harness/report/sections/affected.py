"""Who is affected: slices in which more predictions change, and inputs on which the others agree."""

from __future__ import annotations

import json

from harness.report.blocks import Block, Cell, Column, Prose, Row, Table
from harness.report.findings.phrases import listed, plural
from harness.report.numbers import UNKNOWN, count, fixed, interval, percent, probability, ratio
from harness.report.values import Estimate, Json, mapping, number, sequence, words
from harness.report.view import Deployment, TaskView

SLICES_A_DEPLOYMENT = 3
INPUTS = 6
ANSWER_WIDTH = 32


def affected(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("affected")
    return [*_slices(task, mapping(entry.get("slices"))), *_exemplars(task, mapping(entry.get("exemplars")))]


def _slices(task: TaskView, entry: Json) -> list[Block]:
    searched = number(entry.get("searched"))
    if searched is None:
        return []
    rows, none, more = [], [], 0
    found = {d: mapping(mapping(entry.get("deployments")).get(d.name)) for d in task.measured}
    alike: dict[str, list[Deployment]] = {}  # a model's FP16 mostly changes what its FP32 changes
    for d, own in found.items():
        if own.get("slices"):
            alike.setdefault(json.dumps(own, sort_keys=True, default=str), []).append(d)
        elif own:
            none.append(d)
    for members in alike.values():
        own = found[members[0]]
        slices = [mapping(one) for one in sequence(own.get("slices"))]
        more += max(0, len(slices) - SLICES_A_DEPLOYMENT)
        group = f"{listed(members)}: {_overall(own)}"
        rows += [Row(_slice(one), group) for one in slices[:SLICES_A_DEPLOYMENT]]
    told = (
        f"{count(searched)} slices of {count(number(entry.get('minimum')))} examples or more were searched, pairs of "
        "attributes included; p is corrected for all of them (max-T), for each deployment apart."
    )
    without = f" Nothing stands out for {plural(len(none), 'deployment')}." if none else ""
    if not rows:
        return [Prose((f"No slice of the examples changes more, or less, than the rest. {told}",))]
    columns = (
        Column("changed predictions where", right=False),
        Column("n"),
        Column("inside\n%"),
        Column("95 %"),
        Column("outside\n%"),
        Column("ratio"),
        Column("p"),
    )
    rest = f" {plural(more, 'further slice')} in the JSON report." if more else ""
    note = f"{told}{without}{rest} Read the first slice of a deployment first: others may be its shadow."
    return [Table("Slices that change more, or less, than the rest", columns, tuple(rows), (note,))]


def _overall(found: Json) -> str:
    return f"{percent(number(found.get('rate')))} % changed in all"


def _slice(one: Json) -> tuple[Cell, ...]:
    inside = Estimate.of(one.get("rate"))
    return (
        Cell(words(one.get("description"))),
        Cell(count(number(one.get("n")))),
        Cell(percent(inside.value)),
        Cell(interval(inside, scale=100, decimals=0)),
        Cell(percent(number(one.get("rate_outside")))),
        Cell(ratio(number(one.get("ratio")))),
        Cell(probability(number(one.get("p")))),
    )


def _exemplars(task: TaskView, entry: Json) -> list[Block]:
    shown = [mapping(one) for one in sequence(entry.get("exemplars"))][:INPUTS]
    others = number(entry.get("others"))
    if not shown or others is None:
        return []
    rows = [
        Row(
            (
                Cell(words(one.get("id"))),
                Cell(_answer(one.get("reference_prediction")) + _mark(one.get("reference_right"))),
                Cell(_answer(one.get("shared_prediction")) + _mark(one.get("shared_right"))),
                Cell(f"{len(sequence(one.get('shared_by')))} of {others:.0f}"),
            )
        )
        for one in shown
    ]
    expected = number(entry.get("majority_expected"))
    note = (
        f"On {count(number(entry.get('majority')))} of {count(number(entry.get('n')))} inputs more than half of the "
        "others agree on one answer against the reference's"
        + (
            "."
            if expected is None
            else f"; {fixed(expected, 1)} at most would be expected if each changed independently of the others."
        )
        + " + right, x wrong."
    )
    columns = (
        Column("input", right=False),
        Column("the reference says", right=False),
        Column("the others say", right=False),
        Column("shared by"),
    )
    return [Table("Inputs on which the others agree with each other", columns, tuple(rows), (note,))]


def _answer(value: object) -> str:
    text = words(value)
    if value == "":
        return "(no answer)"
    return text if len(text) <= ANSWER_WIDTH else text[: ANSWER_WIDTH - 1] + "\u2026"


def _mark(right: object) -> str:
    return {True: " +", False: " x"}.get(right, UNKNOWN) if isinstance(right, bool) else ""
