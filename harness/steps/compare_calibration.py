"""Compare deployments by how well their confidence fits their being right."""

from __future__ import annotations

import numpy as np

from harness.steps.comparison import LIBRARIES, ComparisonOptions, EvaluationInputs, tables, write_comparison
from harness.steps.context import Context
from harness.store.outputs import LOGITS, logits, matrix, numbers, strings

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 8


class Options(ComparisonOptions):
    pass


class Inputs(EvaluationInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    from scipy.special import softmax

    from benchmarks.characteristics.calibration import brier_scores, compare
    from benchmarks.statistics.confidence import maximum_probability

    options = context.options
    answering = options.answering
    right = "exact" if answering else "correct"
    columns = ("group", right, *LOGITS[answering], *(() if answering else ("label",)))
    found = tables(context, options, context.inputs.evaluation, *columns)
    brier = None
    if not answering:
        brier = {
            name: brier_scores(softmax(matrix(table, "logits").astype(np.float64), axis=1), numbers(table, "label"))
            for name, table in found.items()
        }
    result = compare(
        confidence={name: maximum_probability(logits(table)) for name, table in found.items()},
        correct={name: numbers(table, right).astype(bool) for name, table in found.items()},
        groups=strings(found[options.reference], "group"),
        reference=options.reference,
        brier=brier,
        resamples=options.resamples,
        seed=options.seed,
    )
    write_comparison(context, result)
