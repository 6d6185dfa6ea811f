"""Compare deployments by which documents they find, and whether one's index serves the other's queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.steps import comparison
from harness.steps.comparison import ComparisonOptions, EvaluationInputs, MarginOptions, tables, write_comparison
from harness.steps.context import Context
from harness.store.step import StepRef
from harness.tasks.columns import matrix, strings
from harness.tasks.task import Task

if TYPE_CHECKING:
    from benchmarks.characteristics.retrieval import Embeddings

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 1
LIBRARIES = (*comparison.LIBRARIES, "ir-measures", "pytrec-eval-terrier")


class Options(MarginOptions):
    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        return "relevant" in task.gold and "candidates" not in task.gold


class Inputs(EvaluationInputs):
    corpus: dict[str, StepRef]
    """By deployment, its outputs on the documents."""


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.retrieval import compare

    options = context.options
    result = compare(*read_embedded(context, options), **options.as_arguments())
    write_comparison(context, result)


def read_embedded(
    context: Context[ComparisonOptions, Inputs], options: ComparisonOptions
) -> tuple[dict[str, Embeddings], list[str], list[Mapping[str, int]], NDArray[np.str_]]:
    """By deployment, its embeddings; the ids of the documents; of each query, its relevant ones and its group."""
    from benchmarks.characteristics.retrieval import Embeddings
    from harness.tasks.retrieval import relevant_documents

    queries = tables(context, options, context.inputs.evaluation, "group", "relevant", "grades", "representation")
    documents = tables(context, options, context.inputs.corpus, "id", "representation")
    first = queries[options.reference]
    embedded = {
        name: Embeddings(matrix(table, "representation"), matrix(documents[name], "representation"))
        for name, table in queries.items()
    }
    ids: list[str] = strings(documents[options.reference], "id").tolist()
    return embedded, ids, relevant_documents(first), strings(first, "group")
