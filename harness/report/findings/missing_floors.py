"""Findings on floors that the study lacks, and on an execution floor that is too large to tell small changes."""

from __future__ import annotations

from harness.report.blocks import Finding
from harness.report.findings import thresholds
from harness.report.floors import DISAGREEMENT, floor, replicates
from harness.report.numbers import percent
from harness.report.view import TaskView


def missing_floors(task: TaskView) -> list[Finding]:
    """Comparisons of models need a seed floor; every comparison needs an execution floor."""
    reference = task.reference_deployment
    if reference is None or not reference.has_results or reference.random or not task.error_pairs.get("all"):
        return []
    if task.external:
        return _floors_of_outputs(task)
    findings = []
    other_models = {d.model for d in task.candidates} - {reference.model}
    trained_once = other_models and not replicates(task, "seed", reference.name)
    if trained_once and task.result.family in ("trained", "pretrained"):
        findings.append(
            Finding(
                "warning",
                "no-seed-floor",
                "There is no seed floor: part of what tells other models from the reference may be no more "
                "than another training seed.",
                "Add a model with replicate_of: the reference, trained by the same recipe with another seed.",
            )
        )
    if not replicates(task, "execution", reference.name):
        findings.append(
            Finding(
                "advice",
                "no-execution-floor",
                "There is no execution floor: small changes may come from batching and padding alone.",
                "Set execution_floor: true.",
            )
        )
    elif (noise := floor(task, DISAGREEMENT, "execution").value) is not None and noise > thresholds.SAME_SCORE:
        findings.append(
            Finding(
                "warning",
                "noisy-reference",
                f"The reference changes {percent(noise)} % of its own predictions when it is run again with "
                "other batches.",
                "Fix the batching where you deploy it, or take FP32 as the reference.",
                (reference.name,),
            )
        )
    return findings


def _floors_of_outputs(task: TaskView) -> list[Finding]:
    """Of outputs from elsewhere, which are of other models unless somebody says that they are the reference again."""
    if any(replicates(task, kind, task.reference) for kind in ("seed", "execution")):
        return []
    return [
        Finding(
            "advice",
            "no-floor",
            "There is no noise floor: how far another training of the reference would be from it is unknown.",
            "Add the outputs of two or more further trainings of its recipe with --seed-floor; for other formats of "
            "the same weights, those of a second run with --execution-floor.",
        )
    ]
