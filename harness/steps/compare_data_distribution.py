"""Compare deployments by which points they take for out-of-distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import Floats
from harness.config.tasks import TaskSettings
from harness.data.arrow import pa
from harness.steps.comparison import LIBRARIES, EvaluationInputs, FlooredOptions, tables, write_comparison
from harness.steps.context import Context
from harness.store.step import StepRef
from harness.tasks.columns import matrix, numbers, strings
from harness.tasks.task import Task

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 9


class Options(FlooredOptions):
    k: int
    """The neighbour whose distance counts."""
    kept: float
    """The share of in-distribution points that the threshold keeps."""

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any]:
        return {"k": task.characteristics.distribution.k, "kept": task.characteristics.distribution.kept}


class Inputs(EvaluationInputs):
    needs_representation = True

    bank: dict[str, StepRef]
    """By deployment, its outputs on training examples."""
    out_of_distribution: dict[str, StepRef]


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.data_distribution import IN, OUT, compare

    options, inputs = context.options, context.inputs
    task = options.task_type
    columns = ("group", "tokens", "representation", *(("confidence", *task.head.outputs) if task.confident else ()))
    bank = tables(context, options, inputs.bank, "representation")
    evaluation = tables(context, options, inputs.evaluation, *columns)
    other = tables(context, options, inputs.out_of_distribution, *columns)
    first, first_other = evaluation[options.reference], other[options.reference]
    groups = strings(first, "group")
    calibration = half_of_groups(groups, options.seed)
    result = compare(
        bank={name: matrix(table, "representation") for name, table in bank.items()},
        calibration={name: matrix(table, "representation")[calibration] for name, table in evaluation.items()},
        in_distribution={name: matrix(table, "representation")[~calibration] for name, table in evaluation.items()},
        out_of_distribution={name: matrix(table, "representation") for name, table in other.items()},
        lengths={
            IN: numbers(first, "tokens")[~calibration],
            OUT: numbers(first_other, "tokens"),
        },
        groups_in_distribution=groups[~calibration],
        groups_out_of_distribution=strings(first_other, "group"),
        k=options.k,
        kept=options.kept,
        baselines=_other_scores(evaluation, other, ~calibration, task) if task.confident else None,
        **options.as_arguments(),
    )
    write_comparison(context, result)


def _other_scores(
    evaluation: Mapping[str, pa.Table], other: Mapping[str, pa.Table], judged: NDArray[np.bool_], task: type[Task]
) -> dict[str, dict[str, tuple[Floats, Floats]]]:
    """What the outputs themselves tell of a point being in-distribution: how sure and how large they are."""
    from benchmarks.characteristics.data_distribution import negative_energy

    in_logits = {
        name: [row for row, keep in zip(task.logits(t), judged, strict=True) if keep] for name, t in evaluation.items()
    }
    ood_logits = {name: task.logits(table) for name, table in other.items()}
    return {
        "confidence": {
            name: (numbers(table, "confidence")[judged], numbers(other[name], "confidence"))
            for name, table in evaluation.items()
        },
        "energy": {name: (negative_energy(in_logits[name]), negative_energy(ood_logits[name])) for name in evaluation},
    }


def half_of_groups(groups: NDArray[np.str_], seed: int) -> NDArray[np.bool_]:
    """(n,) whether an example sets the threshold rather than being judged: a seeded half of the groups."""
    names = np.unique(groups)
    chosen = np.random.default_rng(seed).permutation(len(names)) < len(names) / 2
    return chosen[np.searchsorted(names, groups)]
