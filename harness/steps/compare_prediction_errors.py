"""Compare deployments by which examples they have wrong, and what they predict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.arrow import pa
from harness.steps.comparison import LIBRARIES, EvaluationInputs, FlooredOptions, tables, write_comparison
from harness.steps.context import Context
from harness.store.outputs import LOGITS, logits, numbers, strings

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 8


class Options(FlooredOptions):
    margin: float


class Inputs(EvaluationInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    from scipy.special import softmax

    from benchmarks.characteristics.prediction_errors import compare

    options = context.options
    answering = options.answering
    gold = ("answerable", "exact") if answering else ("label", "correct")
    found = tables(context, options, context.inputs.evaluation, "id", "group", "prediction", *gold, *LOGITS[answering])
    first = found[options.reference]
    correct = "exact" if answering else "correct"
    result = compare(
        correct={name: numbers(table, correct).astype(bool) for name, table in found.items()},
        predictions={
            name: strings(table, "prediction") if answering else numbers(table, "prediction")
            for name, table in found.items()
        },
        probabilities={name: [softmax(row, axis=1) for row in logits(table)] for name, table in found.items()},
        groups=strings(first, "group"),
        strata=_strata(first, answering),
        margin=options.margin,
        **options.as_arguments(),
    )
    write_comparison(context, result)


def _strata(table: pa.Table, answering: bool) -> dict[str, NDArray[np.bool_]]:
    if not answering:
        return {}
    answerable = numbers(table, "answerable").astype(bool)
    return {
        name: rows
        for name, rows in (("answerable", answerable), ("unanswerable", ~answerable))
        if 0 < rows.sum() < len(rows)
    }
