"""What the entities, or the labels, tell: the same F1, of others."""

from __future__ import annotations

from benchmarks.statistics.bootstrap import Estimate
from harness.report.blocks import Finding
from harness.report.findings.same_score import other_at_same_score
from harness.report.findings.thresholds import SAME_SCORE
from harness.report.numbers import percent, with_interval
from harness.report.view import DeploymentView, TaskView


def other_entities(task: TaskView) -> list[Finding]:
    """Deployments with the reference's F1 that find other entities."""
    result = task.characteristics.entities
    if result is None:
        return []
    changes = {name: quality.f1_change for name, quality in result.quality.items()}

    def told(worst: DeploymentView, least: float) -> str:
        aligned = result.changes[worst.name].alignment
        return (
            f"the F1 of {worst.label} changes by {_points(changes[worst.name])}, and of its entities and the "
            f"reference's {percent(1 - least)} % are not shared ({aligned.lost} lost, {aligned.found} found, "
            f"{aligned.moved} moved, {aligned.relabelled} relabelled)"
        )

    return other_at_same_score(
        task,
        "other-entities",
        {name: change.shared for name, change in result.changes.items()},
        result.verdicts,
        changes,
        SAME_SCORE,
        does=("and finds other entities", "and find other entities"),
        told=told,
        advice="Look at which entities change, not at F1 alone.",
    )


def other_labels(task: TaskView) -> list[Finding]:
    """Deployments with the reference's F1 that give other labels."""
    result = task.characteristics.label_sets
    if result is None:
        return []
    changes = {name: quality.f1_change for name, quality in result.quality.items()}

    def told(worst: DeploymentView, least: float) -> str:
        change = result.changes[worst.name]
        return (
            f"the F1 of {worst.label} changes by {_points(changes[worst.name])}, and of its labels and the "
            f"reference's {percent(1 - least)} % are not shared ({change.lost} lost, {change.found} found)"
        )

    return other_at_same_score(
        task,
        "other-labels",
        {name: change.shared for name, change in result.changes.items()},
        result.verdicts,
        changes,
        SAME_SCORE,
        does=("and gives other labels", "and give other labels"),
        told=told,
        advice="Look at which labels change, not at F1 alone.",
    )


def _points(change: Estimate) -> str:
    return with_interval(change, scale=100, decimals=1, unit=" points")
