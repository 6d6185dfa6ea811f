"""Findings on published checkpoints that score otherwise than their cards claim."""

from __future__ import annotations

from collections.abc import Iterator

from harness.report.blocks import Finding
from harness.report.findings.phrases import names, plural
from harness.report.numbers import percent
from harness.report.view import DeploymentView, TaskView


def other_than_claimed(task: TaskView) -> list[Finding]:
    """Held against each model's first deployment with results, FP32 as a study's first format is."""
    first: dict[str, DeploymentView] = {}
    for d in task.measured:
        if d.claimed is not None and d.quality is not None and d.replicate_kind != "execution":
            first.setdefault(d.model, d)
    apart = {d: differences for d in first.values() if (differences := list(_apart(d)))}
    if not apart:
        return []
    said = "; ".join(f"{d.label}: {', '.join(differences)}" for d, differences in apart.items())
    return [
        Finding(
            "warning",
            "other-than-claimed",
            f"{len(apart)} of {plural(len(first), 'checkpoint')} with claimed scores "
            f"{'scores' if len(apart) == 1 else 'score'} otherwise: {said}.",
            "Look at the revision, the data, the longest length and the threshold; until the scores are as claimed, "
            "what is compared may not be what was published.",
            names(list(apart)),
        )
    ]


def _apart(deployment: DeploymentView) -> Iterator[str]:
    claimed, quality = deployment.claimed, deployment.quality
    assert claimed is not None and quality is not None
    for name, called in (("exact", "exact match"), ("f1", "F1"), ("accuracy", "accuracy")):
        said, measured = getattr(claimed, name), getattr(quality, name)
        if said is not None and measured is not None and abs(measured - said) > claimed.within:
            yield f"{called} {percent(measured)} %, claimed {percent(said)} %"
