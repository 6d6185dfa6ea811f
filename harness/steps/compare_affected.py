"""Find whom the changes hit: slices of examples, and examples on which the others agree against the reference."""

from __future__ import annotations

import numpy as np

from harness.config.deployments import EXECUTION_REPLICATE
from harness.examples import QuestionExample, TextExample
from harness.steps.comparison import LIBRARIES, ComparisonOptions, EvaluationInputs, tables, write_comparison
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.store.outputs import LOGITS, logits, matrix, numbers, strings
from harness.store.step import StepRef

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 8


class Options(ComparisonOptions):
    labels: tuple[str, ...]


class Inputs(EvaluationInputs):
    examples: StepRef
    """The evaluation data itself."""


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics import attributes, exemplars, slices
    from benchmarks.characteristics.affected import Affected, changed
    from benchmarks.statistics.confidence import maximum_probability

    options = context.options
    answering = options.answering
    right = "exact" if answering else "correct"
    columns = ("id", "group", "prediction", right, *LOGITS[answering])
    outputs = {
        name: table
        for name, table in tables(context, options, context.inputs.evaluation, *columns).items()
        if not name.endswith(EXECUTION_REPLICATE)
    }
    reference = options.reference
    ids = strings(outputs[reference], "id")
    by_id = {example.id: example for example in read_examples(context.folder(context.inputs.examples))}
    examples = [by_id[id_] for id_ in ids]
    confidence = {name: maximum_probability(logits(table)) for name, table in outputs.items()}
    if answering:
        questions = [example for example in examples if isinstance(example, QuestionExample)]
        described = attributes.of_questions(
            [question.question for question in questions],
            [question.context for question in questions],
            [question.answers for question in questions],
            [question.answer_starts for question in questions],
            confidence[reference],
        )
        predictions = {name: strings(table, "prediction") for name, table in outputs.items()}
    else:
        texts = [example for example in examples if isinstance(example, TextExample)]
        classes = matrix(outputs[reference], "logits").shape[1]
        labels = options.labels or [str(label) for label in range(classes)]
        described = attributes.of_texts(
            [text.text for text in texts], [labels[text.label] for text in texts], confidence[reference]
        )
        names = np.asarray(labels)
        predictions = {name: names[numbers(table, "prediction")] for name, table in outputs.items()}
    others = {name: predicted for name, predicted in predictions.items() if name != reference}
    correct = {name: numbers(table, right).astype(bool) for name, table in outputs.items()}
    result = Affected(
        changed=changed([str(id_) for id_ in ids], predictions, correct, reference),
        slices=slices.search(
            described,
            {name: predicted != predictions[reference] for name, predicted in others.items()},
            strings(outputs[reference], "group"),
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
