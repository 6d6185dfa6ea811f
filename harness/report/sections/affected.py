"""Sections on who is affected: slices in which more predictions change, and inputs on which the others agree."""

from __future__ import annotations

from benchmarks.characteristics.affected import Affected
from benchmarks.characteristics.exemplars import Exemplars, Label
from benchmarks.characteristics.slices import DeploymentSlices, Slice, Slices
from harness.report.blocks import Block, Cell, Column, Prose, Row, Table
from harness.report.findings.phrases import listed, plural
from harness.report.numbers import count, interval, percent, probability, ratio
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView

SLICES_A_DEPLOYMENT = 3
INPUTS = 6
ANSWER_WIDTH = 32


def affected(task: TaskView, result: Affected, all_pairs: bool) -> list[Block]:
    return [*_slices(task, result.slices), *_exemplars(result.exemplars)]


def _slices(task: TaskView, search: Slices) -> list[Block]:
    rows: list[Row] = []
    none: list[DeploymentView] = []
    explained: list[DeploymentView] = []
    more = 0
    alike: list[tuple[DeploymentSlices, list[DeploymentView]]] = []  # FP16 mostly changes what its FP32 changes
    for d in task.measured:
        own = search.deployments.get(d.name)
        if own is None:
            continue
        if not own.slices:
            (explained if own.explained else none).append(d)
        elif members := next((members for deployment_slices, members in alike if deployment_slices == own), None):
            members.append(d)
        else:
            alike.append((own, [d]))
    for deployment_slices, members in alike:
        more += max(0, len(deployment_slices.slices) - SLICES_A_DEPLOYMENT)
        group = f"{listed(members)}: {percent(deployment_slices.rate)} % changed in all"
        rows += [Row(_slice(one), group) for one in deployment_slices.slices[:SLICES_A_DEPLOYMENT]]
    scope = (
        f"{count(search.searched)} slices of {count(search.minimum)} examples or more were searched, pairs of "
        "attributes included; p is corrected for all of them (max-T), for each deployment apart."
    )
    without = f" Nothing stands out for {plural(len(none), 'deployment')}." if none else ""
    if explained:
        without += (
            f" For {plural(len(explained), 'deployment')} slices differ, and the reference's confidence and the floor "
            f"explain all of it: {listed(explained)}."
        )
    if not rows:
        nothing = "No slice of the examples changes more, or less, than is to be expected of it."
        return [Prose((f"{nothing} {scope}{without}",))]
    columns = (
        Column("changed predictions where", right=False),
        Column("n"),
        Column("inside\n%"),
        Column("95 %"),
        Column("outside\n%"),
        Column("expec\u00ad\nted %"),
        Column("ratio"),
        Column("p"),
    )
    rest = f" {plural(more, 'further slice')} in the JSON report." if more else ""
    note = (
        f"{scope}{without}{rest} Read the first slice of a deployment first: others may be its shadow. expected: what "
        "the reference's confidence in these examples, and what the floor changes among them, make of the rate; "
        "p is of the difference from that."
    )
    return [Table("Slices that change more, or less, than is to be expected", columns, tuple(rows), (note,))]


def _slice(one: Slice) -> tuple[Cell, ...]:
    return (
        Cell(words(one.description)),
        Cell(count(one.n)),
        Cell(percent(one.rate.value)),
        Cell(interval(one.rate, scale=100, decimals=0)),
        Cell(percent(one.rate_outside)),
        Cell(percent(one.rate_expected)),
        Cell(ratio(one.ratio)),
        Cell(probability(one.p)),
    )


def _exemplars(exemplars: Exemplars) -> list[Block]:
    rows = [
        Row(
            (
                Cell(words(str(one.id))),
                Cell(_answer(one.reference_prediction) + _mark(one.reference_right)),
                Cell(_answer(one.shared_prediction) + _mark(one.shared_right)),
                Cell(f"{len(one.shared_by)} of {exemplars.others}"),
            )
        )
        for one in exemplars.exemplars[:INPUTS]
    ]
    if not rows:
        return []
    note = (
        f"On {count(exemplars.majority)} of {count(exemplars.n)} inputs more than half of the others agree on one "
        "answer against the reference's. Formats of one model change together, and hard inputs are hard for all: no "
        "number of them is expected by chance. + right, x wrong."
    )
    columns = (
        Column("input", right=False),
        Column("the reference says", right=False),
        Column("the others say", right=False),
        Column("shared by"),
    )
    return [Table("Inputs on which the others agree with each other", columns, tuple(rows), (note,))]


def _answer(value: Label) -> str:
    text = words(str(value))
    if value == "":
        return "(no answer)"
    return text if len(text) <= ANSWER_WIDTH else text[: ANSWER_WIDTH - 1] + "\u2026"


def _mark(right: bool) -> str:
    return " +" if right else " x"
