"""Matrices of pairs: the figure below the diagonal, what to hold it against above it."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.statistics.bootstrap import UNDEFINED, Estimate
from harness.report.blocks import Cell, Column, Level, Row, Table
from harness.report.numbers import UNKNOWN, fixed
from harness.report.sections.rows import MATRIX_AT_MOST, key
from harness.report.values import P
from harness.report.view import DeploymentView, TaskView


def members(
    task: TaskView, *, all_pairs: bool, chosen: Callable[[DeploymentView], bool] = lambda _: True
) -> list[DeploymentView]:
    """The deployments of a matrix: all of them when they are few, otherwise one in FP32 for each model."""
    known = [d for d in task.measured if chosen(d)]
    return known if all_pairs or len(known) <= MATRIX_AT_MOST else one_a_model(task, known)


def one_a_model(task: TaskView, known: list[DeploymentView]) -> list[DeploymentView]:
    """Of the models among ``known`` one deployment in FP32 each; of the reference's model the reference."""
    picked: dict[str, DeploymentView] = {}
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
    deployments: list[DeploymentView],
    pair: Callable[[str, str], P | None],
    below: Callable[[P], Estimate | None],
    above: Callable[[P], float | None],
    diagonal: Callable[[DeploymentView], str],
    level: Callable[[P, float | None], Level | None],
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
            between = pair(other.name, one.name)
            if between is None:
                cells.append(Cell(UNKNOWN))
            elif i > j:
                estimate = below(between) or UNDEFINED
                known = known or estimate.value is not None
                widest = max(widest, (estimate.width or 0.0) / 2)
                cells.append(Cell(_figure(estimate.value), level(between, estimate.value)))
            else:
                cells.append(Cell(_figure(above(between))))
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
