"""Compare deployments by the labels that they give texts."""

from __future__ import annotations

from typing import Any

from harness.config.tasks import TaskSettings
from harness.data.arrow import pa
from harness.steps.comparison import LIBRARIES, EvaluationInputs, MarginOptions, tables, write_comparison
from harness.steps.context import Context
from harness.tasks.columns import strings
from harness.tasks.task import Task

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 1


class Options(MarginOptions):
    labels: tuple[str, ...]

    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        return "labels" in task.gold

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any]:
        return {**super().of_study(task), "labels": task.labels or ()}


class Inputs(EvaluationInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.label_sets import compare

    options = context.options

    def named(table: pa.Table, column: str) -> list[list[str]]:
        return [[options.labels[index] for index in indices] for indices in table.column(column).to_pylist()]

    tables_by_deployment = tables(context, options, context.inputs.evaluation, "group", "labels", "predicted_labels")
    first = tables_by_deployment[options.reference]
    result = compare(
        {name: named(table, "predicted_labels") for name, table in tables_by_deployment.items()},
        named(first, "labels"),
        strings(first, "group"),
        **options.as_arguments(),
    )
    write_comparison(context, result)
