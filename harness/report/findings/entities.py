"""Findings on entities and on labels: the same F1, of others."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.characteristics.entities import Entities
from benchmarks.characteristics.label_sets import LabelSets
from harness.report.blocks import Finding
from harness.report.findings.same_score import other_at_same_score
from harness.report.findings.thresholds import FINDS_FEW, SAME_SCORE
from harness.report.numbers import fixed, percent, with_interval
from harness.report.view import DeploymentView, TaskView


def finds_few(task: TaskView) -> list[Finding]:
    """A reference that misses most of what there is: being right on an example mostly means that it holds nothing."""
    entities, labels = task.characteristics.entities, task.characteristics.label_sets
    what, held = ("labels", "texts") if entities is None else ("entities", "sentences")
    result: Entities | LabelSets | None = entities or labels
    if result is None or task.reference not in result.quality:
        return []
    quality = result.quality[task.reference]
    if quality.f1.value is None or quality.f1.value >= FINDS_FEW:
        return []
    return [
        Finding(
            "warning",
            "weak-reference",
            f"The reference finds {percent(quality.recall.value)} % of the {what} (F1 {fixed(quality.f1.value, 3)}): "
            f"what is right, and what is shared, is mostly {held} without any.",
            "Train the reference longer or on more data before reading the comparisons.",
            (task.reference,),
        )
    ]


def other_entities(task: TaskView) -> list[Finding]:
    """Deployments with the reference's F1 that find other entities."""
    result = task.characteristics.entities
    if result is None:
        return []

    def change_counts(name: str) -> str:
        aligned = result.changes[name].alignment
        return f"{aligned.lost} lost, {aligned.found} found, {aligned.moved} moved, {aligned.relabelled} relabelled"

    does = "and finds other entities", "and find other entities"
    return _other(task, result, "entities", does, change_counts)


def other_labels(task: TaskView) -> list[Finding]:
    """Deployments with the reference's F1 that give other labels."""
    result = task.characteristics.label_sets
    if result is None:
        return []

    def change_counts(name: str) -> str:
        return f"{result.changes[name].lost} lost, {result.changes[name].found} found"

    return _other(task, result, "labels", ("and gives other labels", "and give other labels"), change_counts)


def _other(
    task: TaskView, result: Entities | LabelSets, what: str, does: tuple[str, str], change_counts: Callable[[str], str]
) -> list[Finding]:
    """``change_counts``: of a deployment by its name, which of ``what`` changed, and how."""
    changes = {name: quality.f1_change for name, quality in result.quality.items()}

    def of(worst: DeploymentView, least: float) -> str:
        points = with_interval(changes[worst.name], scale=100, decimals=1, unit=" points")
        return (
            f"the F1 of {worst.label} changes by {points}, and of its {what} and the reference's "
            f"{percent(1 - least)} % are not shared ({change_counts(worst.name)})"
        )

    return other_at_same_score(
        task,
        f"other-{what}",
        {name: change.shared for name, change in result.changes.items()},
        result.verdicts,
        changes,
        SAME_SCORE,
        does=does,
        description=of,
        advice=f"Look at which {what} change, not at F1 alone.",
    )
