"""Tables of all deployments against the reference, as the four characteristics share them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.report.blocks import Block, Cell, Column, Note, Table
from harness.report.floors import (
    Metric,
)
from harness.report.numbers import UNKNOWN, fixed, interval
from harness.report.sections.rows import (
    KEY,
    against_floor,
    agreement_level,
    compared,
    filled,
    rows_by_model,
)
from harness.report.view import DeploymentView, TaskView


def comparison(
    task: TaskView,
    title: str,
    columns: tuple[Column, ...],
    cells: Callable[[DeploymentView], tuple[Cell, ...]],
    notes: tuple[Note, ...],
    chosen: Callable[[DeploymentView], bool] = lambda _: True,
) -> list[Block]:
    """A table of all deployments that worked; none where every figure of it is unknown."""
    every = [(d, cells(d)) for d in compared(task) if chosen(d)]
    known = [(d, row) for d, row in every if any(cell.text != UNKNOWN for cell in row)]
    if not known:
        return []
    return [filled(Table(title, (KEY, *columns), rows_by_model(task, known), notes))]


def overlap(task: TaskView, metric: Metric[Any], d: DeploymentView, chance: float | None) -> tuple[Cell, Cell, Cell]:
    """The overlap with the reference, its interval, and the overlap expected by chance."""
    estimate = metric.of(task, d)
    cell = against_floor(task, metric, d, fixed(estimate.value, 2))
    if cell.level is None:
        cell = Cell(cell.text, agreement_level(estimate.value, chance))
    return cell, Cell(interval(estimate)), Cell(fixed(chance, 2))
