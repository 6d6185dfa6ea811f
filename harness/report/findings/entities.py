"""What the entities tell: the same F1, of other entities."""

from __future__ import annotations

from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names
from harness.report.findings.thresholds import SAME_SCORE
from harness.report.numbers import percent
from harness.report.view import TaskView


def other_entities(task: TaskView) -> list[Finding]:
    """Deployments with the reference's F1 that find other entities."""
    result = task.characteristics.entities
    if result is None:
        return []
    changed = [
        (shared, d)
        for d in task.candidates
        if d.name in result.changes
        if (shared := result.changes[d.name].shared.value) is not None
        if (verdict := result.verdicts.get(d.name)) is not None and verdict.conclusion == "different"
        if (change := result.quality[d.name].f1_change.value) is not None and abs(change) < SAME_SCORE
    ]
    if not changed:
        return []
    least, worst = min(changed, key=lambda one: one[0])
    aligned = result.changes[worst.name].alignment
    members = [d for _, d in changed]
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
