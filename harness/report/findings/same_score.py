"""Deployments with the reference's score that give something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import Verdict
from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names, verb
from harness.report.view import DeploymentView, TaskView


def other_at_same_score(
    task: TaskView,
    rule: str,
    shared: Mapping[str, Estimate],
    verdicts: Mapping[str, Verdict],
    changes: Mapping[str, Estimate],
    margin: float,
    *,
    does: tuple[str, str],
    description: Callable[[DeploymentView, float], str],
    advice: str,
) -> list[Finding]:
    """The finding on the candidates of `same_score`: what each, or all, ``does``, and the ``description`` of the one
    that shares the least."""
    candidates_and_worst = same_score(task, shared, verdicts, changes, margin)
    if candidates_and_worst is None:
        return []
    members, worst, least = candidates_and_worst
    begin = f"{listed(members)} {verb(members, 'scores', 'score')} like the reference {verb(members, *does)}"
    return [Finding("result", rule, f"{begin}: {description(worst, least)}.", advice, names(members))]


def same_score(
    task: TaskView,
    shared: Mapping[str, Estimate],
    verdicts: Mapping[str, Verdict],
    changes: Mapping[str, Estimate],
    margin: float,
) -> tuple[list[DeploymentView], DeploymentView, float] | None:
    """The candidates that share less with the reference than noise allows, at a score like the reference's.

    Alike is a change less than ``margin`` that is not shown to be one, or whose interval is within the margin. All by
    deployment: ``shared``, a Jaccard with the reference, its ``verdicts``, and ``changes`` of the score. Returns them,
    the one that shares the least, and how much; None where there is none.
    """
    candidates = [
        (least, d)
        for d in task.candidates
        if d.name in shared
        if (least := shared[d.name].value) is not None
        if (verdict := verdicts.get(d.name)) is not None and verdict.conclusion == "different"
        if _alike(changes[d.name], margin)
    ]
    if not candidates:
        return None
    least, worst = min(candidates, key=lambda one: one[0])
    return [d for _, d in candidates], worst, least


def _alike(change: Estimate, margin: float) -> bool:
    if change.value is None or change.low is None or change.high is None or abs(change.value) >= margin:
        return False
    return change.low <= 0 <= change.high or max(-change.low, change.high) < margin
