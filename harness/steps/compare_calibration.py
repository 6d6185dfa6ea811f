"""Compare deployments by how well their confidence fits their being right."""

from __future__ import annotations

from harness.steps.comparison import LIBRARIES, ComparisonOptions, EvaluationInputs, tables, write_comparison
from harness.steps.context import Context
from harness.tasks.columns import numbers, strings

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 9


class Options(ComparisonOptions):
    pass


class Inputs(EvaluationInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.calibration import compare

    options = context.options
    task = options.task_type
    tables_by_deployment = tables(
        context, options, context.inputs.evaluation, "group", "confidence", *task.gold, *task.head.outputs
    )
    brier = {
        name: scores for name, table in tables_by_deployment.items() if (scores := task.brier_scores(table)) is not None
    }
    result = compare(
        confidence={name: numbers(table, "confidence") for name, table in tables_by_deployment.items()},
        correct={name: numbers(table, task.correct).astype(bool) for name, table in tables_by_deployment.items()},
        groups=strings(tables_by_deployment[options.reference], "group"),
        reference=options.reference,
        brier=brier or None,
        resamples=options.resamples,
        seed=options.seed,
    )
    write_comparison(context, result)
