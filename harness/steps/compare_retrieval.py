"""Compare deployments by which documents they find, and whether one's index serves the other's queries."""

from __future__ import annotations

from typing import Any

from harness.config.tasks import TaskSettings
from harness.steps import comparison
from harness.steps.comparison import EvaluationInputs, FlooredOptions, tables, write_comparison
from harness.steps.context import Context
from harness.store.step import StepRef
from harness.tasks.columns import matrix, strings
from harness.tasks.task import Task

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 1
LIBRARIES = (*comparison.LIBRARIES, "ir-measures", "pytrec-eval-terrier")


class Options(FlooredOptions):
    margin: float

    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        return "relevant" in task.gold

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any]:
        return {"margin": task.characteristics.margin}


class Inputs(EvaluationInputs):
    corpus: dict[str, StepRef]
    """By deployment, its outputs on the documents."""


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.retrieval import Embedded, compare
    from harness.tasks.retrieval import relevant_documents

    options = context.options
    queries = tables(context, options, context.inputs.evaluation, "group", "relevant", "grades", "representation")
    documents = tables(context, options, context.inputs.corpus, "id", "representation")
    first = queries[options.reference]
    result = compare(
        {
            name: Embedded(matrix(table, "representation"), matrix(documents[name], "representation"))
            for name, table in queries.items()
        },
        strings(documents[options.reference], "id").tolist(),
        relevant_documents(first),
        strings(first, "group"),
        margin=options.margin,
        **options.as_arguments(),
    )
    write_comparison(context, result)
