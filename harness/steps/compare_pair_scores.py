"""Compare deployments by the scores that they give pairs of texts."""

from __future__ import annotations

from harness.steps.comparison import LIBRARIES, ComparisonOptions, EvaluationInputs, tables, write_comparison
from harness.steps.context import Context
from harness.tasks.columns import numbers, strings
from harness.tasks.scored_pairs import PREDICTED_SCORE
from harness.tasks.task import Task

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 2


class Options(ComparisonOptions):
    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        return "score" in task.gold


class Inputs(EvaluationInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.pair_scores import compare

    options = context.options
    tables_by_deployment = tables(context, options, context.inputs.evaluation, "group", "score", PREDICTED_SCORE)
    first = tables_by_deployment[options.reference]
    result = compare(
        {name: numbers(table, PREDICTED_SCORE) for name, table in tables_by_deployment.items()},
        numbers(first, "score"),
        strings(first, "group"),
        reference=options.reference,
        resamples=options.resamples,
        seed=options.seed,
    )
    write_comparison(context, result)
