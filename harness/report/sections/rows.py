"""What the tables share: how a row is named, and cells that say what a figure means."""

from __future__ import annotations

from harness.report.content import Cell, Column, Level, Row
from harness.report.findings import thresholds
from harness.report.floors import Metric, within_floor
from harness.report.numbers import UNKNOWN, fixed
from harness.report.view import AGAIN, Deployment, Estimate, Json, TaskView, number, words

FLOOR_MARK = "~"
"""Before a figure: not distinguishable from the noise floor."""

MATRIX_AT_MOST = 12
"""Deployments up to which a matrix shows all of them; above, one FP32 deployment a model."""


def group_of(task: TaskView, deployment: Deployment) -> str:
    """The heading that a deployment's row stands under: its model, or what it is a second run of."""
    if deployment.replicate_kind == "execution":
        return f"{words(deployment.model)} (execution floor: run again, against its first run)"
    heading = words(deployment.model)
    if deployment.replicate_kind == "seed":
        return f"{heading} (seed floor: trained again)"
    notes = []
    layers, parameters = (
        number(deployment.artifact.get("layers")),
        number(deployment.artifact.get("parameters")),
    )
    if layers is not None:
        notes.append(f"{layers:.0f} layer{'' if layers == 1 else 's'}")
    if parameters is not None:
        notes.append(f"{_millions(parameters)} parameters")
    if deployment.random:
        notes.append("random weights")
    # failed deployments know neither: they stand with the rest of their model
    if not notes:
        known = next(
            (d for d in task.deployments if d.model == deployment.model and d.artifact.get("parameters")),
            None,
        )
        if (
            known is not None
            and known is not deployment
            and known.replicate_kind == deployment.replicate_kind
        ):
            return group_of(task, known)
    return f"{heading} ({', '.join(notes)})" if notes else heading


def _millions(parameters: float) -> str:
    return f"{fixed(parameters / 1e6, 0 if parameters >= 1e7 else 1)}M"


def key(task: TaskView, deployment: Deployment, name: str | None = None) -> Cell:
    """Names a row that stands under its model, unless told otherwise; the names are aligned."""
    digits = len(f"[{len(task.deployments)}]")
    shown = deployment.variant.removesuffix(AGAIN) if name is None else name
    return Cell(f"{f'[{deployment.number}]':<{digits}} {shown}")


def rows_by_model(task: TaskView, deployments: list[tuple[Deployment, tuple[Cell, ...]]]) -> tuple[Row, ...]:
    return tuple(Row((key(task, d), *cells), group_of(task, d)) for d, cells in deployments)


def compared(task: TaskView) -> list[Deployment]:
    """The rows of a table against the reference: everything that worked, the reference first."""
    return [d for d in task.deployments if d.ok]


def against_floor(task: TaskView, metric: Metric, deployment: Deployment, text: str) -> Cell:
    """A figure, marked where it is within the floor."""
    if text != UNKNOWN and deployment.replicate_kind is None and within_floor(task, metric, deployment):
        return Cell(FLOOR_MARK + text, "floor")
    return Cell(text)


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


def has_any(entries: list[Json]) -> bool:
    return any(entries)


KEY = Column("deployment", right=False)
