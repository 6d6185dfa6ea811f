"""Find whom the changes hit: slices of examples, and examples on which the others agree against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.config.deployments import EXECUTION_REPLICATE
from harness.config.tasks import TaskSettings
from harness.steps.comparison import LIBRARIES, EvaluationInputs, FlooredOptions, tables, write_comparison
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.store.step import StepRef
from harness.tasks.columns import numbers, strings

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 11


class Options(FlooredOptions):
    labels: tuple[str, ...]

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any]:
        return {"labels": task.labels or ()}


class Inputs(EvaluationInputs):
    examples: StepRef
    """The evaluation data itself."""


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics import exemplars, slices
    from benchmarks.characteristics.affected import Affected, changed

    options = context.options
    task = options.task_type
    columns = ("id", "group", "prediction", *(("confidence",) if task.confident else ()), *task.gold)
    all_outputs = tables(context, options, context.inputs.evaluation, *columns)
    outputs = {name: table for name, table in all_outputs.items() if not name.endswith(EXECUTION_REPLICATE)}
    reference = options.reference
    ids = strings(outputs[reference], "id")
    by_id = {example.id: example for example in read_examples(context.folder(context.inputs.examples))}
    examples = [by_id[id_] for id_ in ids]
    confidence = {name: numbers(table, "confidence") for name, table in outputs.items()} if task.confident else None
    sure = confidence[reference] if confidence is not None else None
    said = {name: task.prediction_texts(table, options.labels) for name, table in all_outputs.items()}
    differs = {name: predicted != said[reference] for name, predicted in said.items()}
    predictions = {name: said[name] for name in outputs}
    by_noise = {
        name: [differs[member] for member in floor.members if member != name] for name, floor in options.floors.items()
    }
    correct = {name: numbers(table, task.correct).astype(bool) for name, table in outputs.items()}
    result = Affected(
        changed=changed([str(id_) for id_ in ids], predictions, correct, reference),
        slices=slices.search(
            task.attributes(examples, options.labels, sure),
            {name: differs[name] for name in outputs if name != reference},
            strings(outputs[reference], "group"),
            confidence=sure,
            floors={name: np.mean(changes, axis=0) for name, changes in by_noise.items() if changes},
            resamples=options.resamples,
            seed=options.seed,
        ),
        exemplars=exemplars.find(
            predictions,
            correct,
            reference,
            [str(id_) for id_ in ids],
            confidence=confidence,
        ),
    )
    write_comparison(context, result)
