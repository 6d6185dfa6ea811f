"""Compare deployments by which words they decide for."""

from __future__ import annotations

from harness.steps.comparison import LIBRARIES, ComparisonOptions, write_comparison
from harness.steps.context import Context
from harness.steps.explanation import read_explanations
from harness.store.step import StepInputs, StepRef

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 8


class Options(ComparisonOptions):
    k: tuple[int, ...]
    """How many of the weightiest words are compared."""


class Inputs(StepInputs):
    explanations: dict[str, StepRef]
    """By deployment."""


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.explanation import compare

    options, explanations = context.options, context.inputs.explanations
    result = compare(
        {name: read_explanations(context.folder(explanations[name])) for name in options.deployments},
        options.reference,
        k=options.k,
        resamples=options.resamples,
        seed=options.seed,
    )
    write_comparison(context, result)
