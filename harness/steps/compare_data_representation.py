"""Compare deployments by which examples are close to each other in their representations."""

from __future__ import annotations

from typing import Any

from harness.config.tasks import TaskSettings
from harness.steps.comparison import LIBRARIES, EvaluationInputs, FlooredOptions, tables, write_comparison
from harness.steps.context import Context
from harness.tasks.columns import matrix, strings

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 9


class Options(FlooredOptions):
    k: tuple[int, ...]
    """Numbers of neighbours."""

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any]:
        return {"k": task.characteristics.representation.k}


class Inputs(EvaluationInputs):
    needs_representation = True


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.data_representation import compare

    options = context.options
    tables_by_deployment = tables(context, options, context.inputs.evaluation, "group", "representation")
    result = compare(
        representations={name: matrix(table, "representation") for name, table in tables_by_deployment.items()},
        groups=strings(tables_by_deployment[options.reference], "group"),
        k=options.k,
        **options.as_arguments(),
    )
    write_comparison(context, result)
