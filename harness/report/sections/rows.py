"""Rows of the tables: how a row is named, and cells that say what a figure means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.statistics.bootstrap import Estimate
from harness.report.blocks import Cell, Column, Level, Row, Table
from harness.report.findings import thresholds
from harness.report.floors import Metric, conclusion
from harness.report.numbers import EN_DASH, UNKNOWN, fixed, ratio
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView
from harness.results.deployments import ArtifactFacts

MARKS = {"same": "~", "cannot tell": "?"}
"""Before a figure: the same as noise, within the margin; or too few examples to tell from noise."""

MATRIX_AT_MOST = 12
"""Deployments up to which a matrix shows all of them; above, one FP32 deployment a model."""


def group_of(task: TaskView, deployment: DeploymentView) -> str:
    """The heading that a deployment's row stands under: its model, or what it is a second run of."""
    heading = words(deployment.model) + on_backend(task, deployment)
    if deployment.replicate_kind == "execution":
        return f"{heading} (execution floor: run again, against its first run)"
    if deployment.replicate_kind == "seed":
        return f"{heading} (seed floor: trained again)"
    notes = []
    # a failed artifact knows neither; another of the same model does
    layers = _of_model(task, deployment, lambda facts: facts.layers)
    parameters = _of_model(task, deployment, lambda facts: facts.parameters)
    if layers is not None:
        notes.append(f"{layers} layer{'' if layers == 1 else 's'}")
    if parameters is not None:
        notes.append(f"{_millions(parameters)} parameters")
    if deployment.random:
        notes.append("random weights")
    return f"{heading} ({', '.join(notes)})" if notes else heading


def on_backend(task: TaskView, deployment: DeploymentView) -> str:
    """ " on BACKEND" where the task has several."""
    return f" on {words(deployment.backend)}" if len(task.backends) > 1 and deployment.backend else ""


def _of_model(task: TaskView, deployment: DeploymentView, fact: Callable[[ArtifactFacts], int | None]) -> int | None:
    facts = (fact(d.artifact) for d in task.deployments if d.model == deployment.model and d.artifact)
    return next((value for value in facts if value is not None), None)


def _millions(parameters: float) -> str:
    return f"{fixed(parameters / 1e6, 0 if parameters >= 1e7 else 1)}M"


def key(task: TaskView, deployment: DeploymentView, name: str | None = None) -> Cell:
    """Names a row that stands under its model, unless told otherwise; the names are aligned."""
    digits = len(f"[{len(task.deployments)}]")
    shown = deployment.variant if name is None else name
    return Cell(f"{f'[{deployment.number}]':<{digits}} {shown}")


def rows_by_model(task: TaskView, deployments: list[tuple[DeploymentView, tuple[Cell, ...]]]) -> tuple[Row, ...]:
    return tuple(Row((key(task, d), *cells), group_of(task, d)) for d, cells in deployments)


def compared(task: TaskView) -> list[DeploymentView]:
    """The rows of a table against the reference: the reference first; second runs stand with what changed, once."""
    return [d for d in task.deployments if d.has_results and d.replicate_kind != "execution"]


def against_floor(task: TaskView, metric: Metric[Any], deployment: DeploymentView, text: str) -> Cell:
    """A figure, marked by what the test against its floor concluded."""
    if text == UNKNOWN or deployment.replicate_kind is not None:
        return Cell(text)
    return marked(text, conclusion(task, metric, deployment))


def speed_up_cell(task: TaskView, deployment: DeploymentView) -> Cell:
    """Times as fast as the reference, marked where it is that of two timings of which either is marked."""
    return timing_cell(ratio(task.speed_up(deployment)), task.doubtful_speed_up(deployment))


def speed_up_interval_cell(task: TaskView, deployment: DeploymentView) -> Cell:
    ends = None if deployment.name == task.reference else task.speed_up_interval(deployment)
    return Cell(UNKNOWN if ends is None else EN_DASH.join(f"{end:.2f}" for end in ends))


def timing_cell(text: str, doubtful: bool) -> Cell:
    """A figure of a timing that did not settle, or was disturbed, is printed and marked."""
    return Cell("!" + text, "bad") if doubtful and text != UNKNOWN else Cell(text)


def marked(text: str, concluded: str | None) -> Cell:
    mark = MARKS.get(concluded or "")
    return Cell(text) if mark is None else Cell(mark + text, "floor")


def adjusted_level(value: float | None) -> Level | None:
    """Of a figure that is 0 at chance and 1 at its largest."""
    if value is None:
        return None
    if value <= thresholds.NEAR_CHANCE:
        return "chance"
    if value < thresholds.ALIKE:
        return "low"
    return "high" if value >= 0.9 else None


def agreement_level(value: float | None, chance: float | None) -> Level | None:
    """Of an overlap with a known chance level."""
    if value is None:
        return None
    base = chance or 0.0
    return adjusted_level((value - base) / (1 - base)) if base < 1 else None


def estimate_cell(estimate: Estimate, decimals: int = 2, level: Level | None = None) -> Cell:
    return Cell(fixed(estimate.value, decimals), level)


def filled(table: Table) -> Table:
    """The table without the columns of which nothing is known."""
    known = [i for i in range(len(table.columns)) if i == 0 or any(row.cells[i].text != UNKNOWN for row in table.rows)]
    columns = tuple(table.columns[i] for i in known)
    rows = tuple(replace(row, cells=tuple(row.cells[i] for i in known)) for row in table.rows)
    return replace(table, columns=columns, rows=rows)


KEY = Column("deployment", right=False)
