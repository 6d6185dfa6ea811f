"""A deployment's figures as the `model-index` of a model card, in huggingface_hub's own types."""

from __future__ import annotations

from benchmarks.statistics.bootstrap import Estimate
from harness.config.figures import FIGURES
from harness.errors import UserError
from harness.gate.readings import READERS
from harness.report.selection import is_named
from harness.report.values import words
from harness.report.view import TaskView, tasks_of
from harness.results.read import RunResults

SHOWN = ("score", "changed", "newly-wrong", "divergence", "speed-up", "file-size")
"""The figures that a reader of a card asks for: quality, what changed against the reference, and what it brings."""


def model_index(run: RunResults, deployment: str) -> str:
    """YAML to put between the lines `---` at the head of a README.md.

    ``deployment`` is a full name, in one or several tasks.

    Raises:
        UserError: no task has figures of the deployment.
    """
    from huggingface_hub import EvalResult, ModelCardData

    evaluations = [
        EvalResult(
            task_type=words(task.name),
            dataset_type=words(task.result.data["evaluation"].source),
            dataset_name=words(task.result.data["evaluation"].source),
            metric_type=kind,
            metric_name=name,
            metric_value=value,
        )
        for task in tasks_of(run)
        if "evaluation" in task.result.data
        for kind, name, value in _metrics(task, deployment)
    ]
    if not evaluations:
        names = ", ".join(dict.fromkeys(d.short for task in tasks_of(run) for d in task.measured))
        raise UserError(f"--model-card {deployment}: there is none with figures; the deployments are {names}")
    return str(ModelCardData(model_name=words(deployment), eval_results=evaluations).to_yaml()) + "\n"


def _metrics(task: TaskView, deployment: str) -> list[tuple[str, str, float]]:
    """(type, name with unit and interval, value)"""
    metrics = []
    for one in (one for one in task.deployments if is_named(one.name, deployment)):
        for name in SHOWN:
            figure = FIGURES[name]
            reading = None if figure.of_pair and one.name == task.reference else READERS[name](task, one, "")
            if reading is None or reading.estimate.value is None or reading.doubt:
                continue
            kind = task.score_name.replace(" ", "_") if name == "score" else name
            against = f", against {words(task.reference)}" if figure.of_pair else ""
            meaning = f"{name} ({figure.unit}{_interval(reading.estimate, figure.scale)}{against})"
            metrics.append((kind, meaning, round(reading.estimate.value / figure.scale, 4)))
    return metrics


def _interval(estimate: Estimate, scale: float) -> str:
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return ""
    return f"; 95 % interval {estimate.low / scale:.4g} to {estimate.high / scale:.4g}"
