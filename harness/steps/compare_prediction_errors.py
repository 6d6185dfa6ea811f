"""Compare deployments by which examples they have wrong, and what they predict."""

from __future__ import annotations

from typing import Any

from harness.config.tasks import TaskSettings
from harness.steps.comparison import LIBRARIES, EvaluationInputs, MarginOptions, tables, write_comparison
from harness.steps.context import Context
from harness.tasks.columns import numbers, strings

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 12


F1 = "f1"


class Options(MarginOptions):
    labels: tuple[str, ...]

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any]:
        return {**super().of_study(task), "labels": task.labels or ()}


class Inputs(EvaluationInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    from scipy.special import softmax

    from benchmarks.characteristics.prediction_errors import compare

    options = context.options
    task = options.task_type
    columns = ("group", "prediction", *task.gold, *task.head.outputs)
    if task.verified_score is not None and task.verified_score[0] == F1:
        columns = (*columns, F1)
    tables_by_deployment = tables(context, options, context.inputs.evaluation, *columns)
    first = tables_by_deployment[options.reference]
    result = compare(
        correct={name: numbers(table, task.correct).astype(bool) for name, table in tables_by_deployment.items()},
        predictions={name: task.predictions(table) for name, table in tables_by_deployment.items()},
        probabilities={
            name: [softmax(row, axis=1) for row in task.logits(table)] for name, table in tables_by_deployment.items()
        }
        if task.confident
        else None,
        groups=strings(first, "group"),
        strata=task.strata(first),
        classes=task.classes(first, options.labels),
        f1={name: numbers(table, F1) for name, table in tables_by_deployment.items()} if F1 in columns else None,
        **options.as_arguments(),
    )
    write_comparison(context, result)
