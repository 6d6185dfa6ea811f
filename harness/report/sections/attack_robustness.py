"""Price of speed in robustness: changes under attack against the reference, on the same texts."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.attack.pairs import AttackChanges
from benchmarks.characteristics.adversarial_attack import Vulnerability
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate
from harness.report.blocks import About, Block, Cell, Column, Note
from harness.report.numbers import interval, percent, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import speed_up_cell
from harness.report.view import DeploymentView, TaskView


def robustness(task: TaskView) -> list[Block]:
    def share(d: DeploymentView, figure: Callable[[Vulnerability], Estimate]) -> Cell:
        return Cell(percent(figure(task.attacked[d.name]).value, 0))

    def change(d: DeploymentView, figure: Callable[[AttackChanges], Estimate], scale: float = 100) -> tuple[Cell, Cell]:
        """Against the reference, with its interval."""
        pair = task.attack_pairs.between(task.reference, d.name)
        estimate = figure(pair.changes) if pair else UNDEFINED
        value = None if estimate.value is None else scale * estimate.value
        return Cell(signed(value, 0)), Cell(interval(estimate, scale=scale, decimals=0))

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        return (
            speed_up_cell(task, d),
            share(d, lambda own: own.accuracy_after),
            *change(d, lambda changes: changes.accuracy_after),
            *change(d, lambda changes: changes.success_rate),
            share(d, lambda own: own.random_success),
            share(d, lambda own: own.any_success),
            share(d, lambda own: own.missed),
            *change(d, lambda changes: changes.words_changed),
            *change(d, lambda changes: changes.queries, 1),
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
    notes: list[Note] = [
        (
            About(("speed-\nup",), f"speed-up: of {task.speed_measure}."),
            "Changes are against the reference, on the same texts: success, queries where both were right before.",
        )
    ]
    if any(own.any_success.value is not None for own in task.attacked.values()):
        notes.append(
            "Of the texts that were right before, random: success of random swaps, with as many queries as the attack "
            "took. any: success of the attack, of random swaps or of a text crafted on another deployment. missed: "
            "success of the others where the attack has none. Much missed is a search led astray, not robustness."
        )
    return comparison(
        task, "Robustness against speed-up", columns, cells, tuple(notes), lambda d: d.name in task.attacked
    )
