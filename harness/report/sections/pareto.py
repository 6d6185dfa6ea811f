"""The Pareto front: which deployments nobody beats in both speed, or memory, and faithfulness."""

from __future__ import annotations

from collections.abc import Callable

from harness.report.blocks import Block, Cell, Column, Row, Table
from harness.report.floors import DISAGREEMENT
from harness.report.numbers import UNKNOWN, percent, ratio
from harness.report.sections.rows import filled, key, speed_up_cell
from harness.report.values import quotient
from harness.report.view import DeploymentView, TaskView

Cost = Callable[[DeploymentView], tuple[float, float] | None]
"""A figure that is better when smaller, from and to: of two that overlap, none is cheaper. None: it ranks nothing."""


def pareto(task: TaskView) -> list[Block]:
    """All candidates by speed, with who beats them; none where fewer than two are known."""
    reference = task.reference_deployment
    known = [d for d in task.candidates if DISAGREEMENT.of(task, d).value is not None]
    if reference is None or len(known) < 2:
        return []

    def latency(d: DeploymentView) -> tuple[float, float] | None:
        speed = task.ranked_speed_up(d)
        return None if speed is None else (1 / speed.high, 1 / speed.low)

    def memory_ratio(d: DeploymentView) -> float | None:
        return quotient(d.once.peak_memory_bytes, reference.once.peak_memory_bytes)

    def memory(d: DeploymentView) -> tuple[float, float] | None:
        value = memory_ratio(d)
        return None if value is None else (value, value)

    rows = []
    for d in sorted(known, key=lambda d: -(task.speed_up(d) or 0.0)):
        by_speed, by_memory = (beaten_by(task, d, [reference, *known], cost) for cost in (latency, memory))
        rows.append(
            Row(
                (
                    key(task, d, d.short),
                    speed_up_cell(task, d),
                    Cell(ratio(memory_ratio(d))),
                    Cell(percent(DISAGREEMENT.of(task, d).value)),
                    _place(by_speed, latency(d)),
                    _place(by_memory, memory(d)),
                )
            )
        )
    columns = (
        Column("deployment", right=False),
        Column("speed-\nup"),
        Column("memory\nratio"),
        Column("differ\n%"),
        Column("by\nspeed"),
        Column("by\nmemory"),
    )
    note = (
        f"speed-up: of {task.speed_up_of}. front: no other deployment, the reference included, is as fast (as "
        "small in peak memory) and changes as few predictions. <[n]: [n] "
        "does, and is better in one of the two; of several, the most faithful. Speed-ups whose intervals overlap rank "
        "neither above the other, and those marked ! rank nothing."
    )
    return [filled(Table("Pareto front: what is bought with the changed predictions", columns, tuple(rows), (note,)))]


def beaten_by(
    task: TaskView, deployment: DeploymentView, others: list[DeploymentView], cost: Cost
) -> DeploymentView | None:
    """A deployment that is no dearer and changes no more predictions, and is better in one of the two."""
    own = cost(deployment), _changed(task, deployment)
    if own[0] is None or own[1] is None:
        return None
    better = []
    for other in others:
        theirs = cost(other), _changed(task, other)
        if theirs[0] is None or theirs[1] is None or other is deployment:
            continue
        no_dearer, cheaper = theirs[0][1] <= own[0][0], theirs[0][1] < own[0][0]
        if no_dearer and theirs[1] <= own[1] and (cheaper or theirs[1] < own[1]):
            better.append((theirs[1], theirs[0], other.number, other))
    return min(better)[-1] if better else None


def _changed(task: TaskView, deployment: DeploymentView) -> float | None:
    return 0.0 if deployment.name == task.reference else DISAGREEMENT.of(task, deployment).value


def _place(better: DeploymentView | None, cost: tuple[float, float] | None) -> Cell:
    if cost is None:
        return Cell(UNKNOWN)
    return Cell("front", "high") if better is None else Cell(f"<[{better.number}]")
