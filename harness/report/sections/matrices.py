"""Matrices of pairs: the figure below the diagonal, what to hold it against above it."""

from __future__ import annotations

from collections.abc import Callable

from harness.report.blocks import Cell, Column, Level, Row, Table
from harness.report.numbers import UNKNOWN, fixed
from harness.report.sections.rows import MATRIX_AT_MOST, key
from harness.report.values import Estimate, Json
from harness.report.view import Deployment, TaskView

LevelOf = Callable[[Json, float | None], Level | None]


def members(
    task: TaskView, *, all_pairs: bool, chosen: Callable[[Deployment], bool] = lambda _: True
) -> list[Deployment]:
    """The deployments of a matrix: all of them when they are few, otherwise one in FP32 for each model."""
    known = [d for d in task.measured if chosen(d)]
    return known if all_pairs or len(known) <= MATRIX_AT_MOST else one_a_model(task, known)


def one_a_model(task: TaskView, known: list[Deployment]) -> list[Deployment]:
    """Of the models among ``known`` one deployment in FP32 each; of the reference's model the reference."""
    picked: dict[str, Deployment] = {}
    for deployment in known:
        if deployment.is_fp32 and deployment.format == "onnx-fp32":
            picked.setdefault(deployment.model, deployment)
    for deployment in known:
        if deployment.is_fp32:
            picked.setdefault(deployment.model, deployment)
    reference = task.reference_deployment
    if reference in known and reference is not None:
        picked[reference.model] = reference
    return [d for d in known if d in picked.values()]


def matrix(
    task: TaskView,
    title: str,
    deployments: list[Deployment],
    pair: Callable[[str, str], Json],
    below: Callable[[Json], Estimate],
    above: Callable[[Json], float | None],
    diagonal: Callable[[Deployment], str],
    level: LevelOf,
    notes: tuple[str, ...],
) -> Table | None:
    """None where fewer than two deployments were compared."""
    if len(deployments) < 2:
        return None
    rows, widest = [], 0.0
    known = False
    for i, one in enumerate(deployments):
        cells = [key(task, one, one.short)]
        for j, other in enumerate(deployments):
            if i == j:
                cells.append(Cell(diagonal(one)))
                continue
            entry = pair(other.name, one.name)
            if i > j:
                estimate = below(entry)
                known = known or estimate.value is not None
                widest = max(widest, (estimate.width or 0.0) / 2)
                cells.append(Cell(_figure(estimate.value), level(entry, estimate.value)))
            else:
                cells.append(Cell(_figure(above(entry))))
        rows.append(Row(tuple(cells)))
    if not known:
        return None
    if widest:
        notes = (*notes, f"The widest 95 % interval of a figure below the diagonal is ±{fixed(widest, 2)}.")
    columns = (Column("", right=False), *(Column(f"[{d.number}]") for d in deployments))
    return Table(title, columns, tuple(rows), notes)


def _figure(value: float | None) -> str:
    """Two decimals without the leading zero, which every figure of a matrix shares."""
    if value is None:
        return UNKNOWN
    written = fixed(value, 2)
    return written.replace("0.", ".", 1) if abs(value) < 0.995 else written
