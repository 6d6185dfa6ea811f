"""Cautions: what a reader must know before believing a figure, the most important first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.findings.collect import findings_on
from harness.report.sections.headline import family_notes
from harness.report.values import words
from harness.report.view import TaskView

OF_TIMINGS = ("not-ranked", "unstable-timing", "disturbed", "other-warnings")
"""Rules whose figures carry a mark of their own: they come last."""


@dataclass(frozen=True)
class Caution:
    text: str
    next_step: str


def cautions(tasks: Sequence[TaskView]) -> list[Caution]:
    """Of all tasks; what several say in the same words is said once."""
    cautions_by_text = {note: Caution(note, "") for note in family_notes(tasks)}
    task_findings = [
        (task, finding) for task in tasks for finding in findings_on(task) if finding.kind in ("failure", "warning")
    ]
    for task, finding in sorted(
        task_findings, key=lambda pair: (pair[1].kind != "failure", pair[1].rule in OF_TIMINGS)
    ):
        text = f"{words(task.name)}: {finding.text}" if len(tasks) > 1 else finding.text
        cautions_by_text.setdefault(finding.text, Caution(f"{text.rstrip('.')}.", finding.next_step))
    return list(cautions_by_text.values())
