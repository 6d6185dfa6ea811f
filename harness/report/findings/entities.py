"""What the entities, or the labels, tell: the same F1, of others."""

from __future__ import annotations

from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names, verb
from harness.report.findings.same_score import same_score
from harness.report.findings.thresholds import SAME_SCORE
from harness.report.numbers import percent, with_interval
from harness.report.view import TaskView


def other_entities(task: TaskView) -> list[Finding]:
    """Deployments with the reference's F1 that find other entities."""
    result = task.characteristics.entities
    if result is None:
        return []
    shared = {name: change.shared for name, change in result.changes.items()}
    changes = {name: quality.f1_change for name, quality in result.quality.items()}
    found = same_score(task, shared, result.verdicts, changes, SAME_SCORE)
    if found is None:
        return []
    members, worst, least = found
    aligned = result.changes[worst.name].alignment
    return [
        Finding(
            "result",
            "other-entities",
            f"{listed(members)} {verb(members, 'scores', 'score')} like the reference and "
            f"{verb(members, 'finds', 'find')} other entities: the F1 of {worst.label} changes by "
            f"{with_interval(changes[worst.name], scale=100, decimals=1, unit=' points')}, and of its entities and the "
            f"reference's {percent(1 - least)} % are not shared ({aligned.lost} lost, {aligned.found} found, "
            f"{aligned.moved} moved, {aligned.relabelled} relabelled).",
            "Look at which entities change, not at F1 alone.",
            names(members),
        )
    ]


def other_labels(task: TaskView) -> list[Finding]:
    """Deployments with the reference's F1 that give other labels."""
    result = task.characteristics.label_sets
    if result is None:
        return []
    shared = {name: change.shared for name, change in result.changes.items()}
    changes = {name: quality.f1_change for name, quality in result.quality.items()}
    found = same_score(task, shared, result.verdicts, changes, SAME_SCORE)
    if found is None:
        return []
    members, worst, least = found
    change = result.changes[worst.name]
    return [
        Finding(
            "result",
            "other-labels",
            f"{listed(members)} {verb(members, 'scores', 'score')} like the reference and "
            f"{verb(members, 'gives', 'give')} other labels: the F1 of {worst.label} changes by "
            f"{with_interval(changes[worst.name], scale=100, decimals=1, unit=' points')}, and of its labels and the "
            f"reference's {percent(1 - least)} % are not shared ({change.lost} lost, {change.found} found).",
            "Look at which labels change, not at F1 alone.",
            names(members),
        )
    ]
