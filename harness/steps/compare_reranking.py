"""Compare deployments by the order in which they put the candidates of queries."""

from __future__ import annotations

import numpy as np

from harness.steps import comparison
from harness.steps.comparison import EvaluationInputs, MarginOptions, tables, write_comparison
from harness.steps.context import Context
from harness.tasks.columns import strings
from harness.tasks.task import Task

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 1
LIBRARIES = (*comparison.LIBRARIES, "ir-measures", "pytrec-eval-terrier")


class Options(MarginOptions):
    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        return "candidates" in task.gold


class Inputs(EvaluationInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.reranking import compare
    from harness.tasks.retrieval import relevant_documents

    options = context.options
    columns = ("group", "candidates", "relevant", "grades", "logits")
    tables_by_deployment = tables(context, options, context.inputs.evaluation, *columns)
    first = tables_by_deployment[options.reference]
    result = compare(
        {
            name: [np.array(row) for row in table.column("logits").to_pylist()]
            for name, table in tables_by_deployment.items()
        },
        first.column("candidates").to_pylist(),
        relevant_documents(first),
        strings(first, "group"),
        **options.as_arguments(),
    )
    write_comparison(context, result)
