"""Measurements that would make a task's answer surer: examples, trainings, or what nobody measured."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.statistics.equivalence import ScoreChange, Verdict
from harness.report.findings.collect import findings_on
from harness.report.findings.phrases import joined, plural
from harness.report.floors import DETECTED_OVERLAP, DISAGREEMENT, ERROR_OVERLAP, neighbours_metric
from harness.report.summary.recommendation import named
from harness.report.summary.standings import standings
from harness.report.view import DeploymentView, TaskView


def surer(task: TaskView) -> list[str]:
    """Sentences: what cannot be told of the deployments that the recommendation is about, then all other advice."""
    all_standings = standings(task)
    about = named(task, all_standings)
    sentences = [_of(task, one.deployment) for one in all_standings if one.deployment.name in about]
    advice = [
        f"{finding.text} {finding.next_step}".strip() for finding in findings_on(task) if finding.kind == "advice"
    ]
    return [*filter(None, sentences), *advice]


def _of(task: TaskView, d: DeploymentView) -> str:
    """What is undecided of a deployment, and what would decide it; "" where all is told."""
    parts = []
    for what, unit, judged in _judged(task, d):
        if judged.conclusion != "cannot tell":
            continue
        trainings = judged.trainings_needed if isinstance(judged, Verdict) else None
        if trainings:
            parts.append(f"{what} ({trainings} trainings of the reference would tell)")
        elif judged.examples_needed:
            parts.append(f"{what} (about {plural(judged.examples_needed, unit)} would tell)")
        else:
            parts.append(what)
    return f"{d.short}: undecided {'is' if len(parts) == 1 else 'are'} {joined(parts)}." if parts else ""


def _judged(task: TaskView, d: DeploymentView) -> Iterator[tuple[str, str, Verdict | ScoreChange]]:
    k, attack = task.neighbours_shown, task.characteristics.adversarial_attack
    every = (
        ("what changes", task.unit, DISAGREEMENT.verdict(task, d)),
        ("the score", task.unit, task.overall.scores.get(d.name) if task.overall else None),
        ("the overlap of errors", task.unit, ERROR_OVERLAP.verdict(task, d)),
        ("the overlap of neighbours", task.unit, neighbours_metric(k).verdict(task, d) if k else None),
        ("what is detected as out-of-distribution", "such text", DETECTED_OVERLAP.verdict(task, d)),
        ("the attack's success", "attacked text", attack.success_changes.get(d.name) if attack else None),
    )
    yield from ((what, unit, judged) for what, unit, judged in every if judged is not None)
