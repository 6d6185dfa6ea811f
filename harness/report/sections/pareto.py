"""The Pareto front: which deployments nobody beats in both speed, or memory, and faithfulness."""

from __future__ import annotations

from collections.abc import Callable

from harness.report.blocks import Cell
from harness.report.floors import DISAGREEMENT
from harness.report.numbers import UNKNOWN
from harness.report.values import quotient
from harness.report.view import DeploymentView, TaskView

Cost = Callable[[DeploymentView], tuple[float, float] | None]
"""A figure that is better when smaller, from and to: of two that overlap, none is cheaper. None: it ranks nothing."""


NOTE = (
    "front: no other deployment, the reference included, is as fast (as small in peak memory) and changes as few "
    "predictions. <[n]: [n] does, and is better in one of the two; of several, the most faithful. Speed-ups whose "
    "intervals overlap rank neither above the other, and those marked ! rank nothing."
)


def front(task: TaskView, deployment: DeploymentView) -> tuple[Cell, Cell]:
    """Whether a candidate is beaten, by speed and by memory, and by whom; unknown where fewer than two are compared."""
    reference = task.reference_deployment
    known = [d for d in task.candidates if DISAGREEMENT.of(task, d).value is not None]
    if reference is None or len(known) < 2 or deployment not in known:
        return Cell(UNKNOWN), Cell(UNKNOWN)

    def latency(d: DeploymentView) -> tuple[float, float] | None:
        speed = task.ranked_speed_up(d)
        return None if speed is None else (1 / speed.high, 1 / speed.low)

    def memory(d: DeploymentView) -> tuple[float, float] | None:
        value = quotient(d.once.peak_memory_bytes, reference.once.peak_memory_bytes)
        return None if value is None else (value, value)

    others = [reference, *known]
    by_speed, by_memory = (_place(beaten_by(task, deployment, others, c), c(deployment)) for c in (latency, memory))
    return by_speed, by_memory


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
