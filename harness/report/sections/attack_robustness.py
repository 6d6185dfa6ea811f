"""What speed costs in robustness: changes under attack against the reference, on the same texts."""

from __future__ import annotations

from harness.report.blocks import Block, Cell, Column
from harness.report.numbers import UNKNOWN, interval, percent, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import speed_up_cell
from harness.report.values import Estimate, mapping
from harness.report.view import Deployment, TaskView


def robustness(task: TaskView) -> list[Block]:
    def share(d: Deployment, figure: str) -> Cell:
        return Cell(percent(Estimate.of(mapping(task.attacked.get(d.name)).get(figure)).value, 0))

    def change(d: Deployment, figure: str, scale: float = 100) -> tuple[Cell, Cell]:
        """Against the reference, with its interval."""
        changes = mapping(task.attack_pairs.get(task.reference, d.name).get("changes"))
        estimate = Estimate.of(changes.get(figure))
        value = None if estimate.value is None else scale * estimate.value
        return Cell(signed(value, 0)), Cell(interval(estimate, scale=scale, decimals=0))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        return (
            speed_up_cell(task, d),
            share(d, "accuracy_after"),
            *change(d, "accuracy_after"),
            *change(d, "success_rate"),
            share(d, "random_success"),
            share(d, "fell_to_any"),
            share(d, "missed"),
            *change(d, "words_changed"),
            *change(d, "queries", 1),
        )

    if len(task.attacked) < 2:
        return []
    columns = (
        Column("speed-\nup"),
        Column("after\n%"),
        Column("change\npoints"),
        Column("95 %", optional=True),
        Column("success\npoints"),
        Column("95 %"),
        Column("ran\u00ad\ndom %"),
        Column("any\n%"),
        Column("missed\n%"),
        Column("words\npoints", optional=True),
        Column("95 %", optional=True),
        Column("queries\nmore", optional=True),
        Column("95 %", optional=True),
    )
    notes = ["Changes are against the reference, on the same texts: success, queries where both were right before."]
    if any(share(d, "fell_to_any").text != UNKNOWN for d in task.measured):
        notes.append(
            "Of the texts that were right before, random: fall to random swaps, with as many queries as the attack "
            "took. any: fall to the attack, to random swaps or to a text crafted on another deployment. missed: "
            "withstand the attack, and fall to the others. Much missed is a search led astray, not robustness."
        )
    return comparison(
        task, "Robustness against speed-up", columns, cells, tuple(notes), lambda d: d.name in task.attacked
    )
