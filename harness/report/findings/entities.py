"""What the entities tell: the same F1, of other entities."""

from __future__ import annotations

from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names
from harness.report.findings.same_score import same_score
from harness.report.findings.thresholds import SAME_SCORE
from harness.report.numbers import percent
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
            f"{listed(members)}: the reference's F1 of entities to within {percent(SAME_SCORE)} points, and other "
            f"entities: of those of {worst.label} and of the reference {percent(1 - least)} % are not shared "
            f"({aligned.lost} lost, {aligned.found} found, {aligned.moved} moved, {aligned.relabelled} relabelled).",
            "Look at which entities change, not at F1 alone.",
            names(members),
        )
    ]
