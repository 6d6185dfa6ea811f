"""Train the masked language model that proposes an attack's words, on the task's training texts."""

from __future__ import annotations

from collections.abc import Sequence

from harness.config.names import TaskName
from harness.config.strict import Strict
from harness.config.training import Recipe
from harness.examples.records import Example, PlainText, QuestionExample, TextExample
from harness.inference.process import import_transformers
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.store.step import StepInputs, StepRef

VERSION = 1
LIBRARIES = ("torch", "transformers", "accelerate")


class Options(Strict):
    task: TaskName
    recipe: Recipe


class Inputs(StepInputs):
    starting: StepRef
    examples: StepRef


def run(context: Context[Options, Inputs]) -> None:
    import_transformers()
    from harness.training.masked_language_model import train_masked_language_model

    recipe = context.options.recipe
    train_masked_language_model(
        context.folder(context.inputs.starting),
        context.destination,
        texts=_texts(read_examples(context.folder(context.inputs.examples))),
        recipe=recipe,
        seed=recipe.seed,
        work=context.work(),
        progress=context.progress,
    )


def _texts(examples: Sequence[Example]) -> list[str]:
    """Many questions are about one context, which counts once."""
    questions = [example for example in examples if isinstance(example, QuestionExample)]
    contexts = dict.fromkeys(question.context for question in questions)
    return [
        *(
            text
            for example in examples
            if isinstance(example, TextExample | PlainText)
            for text in example.parts.values()
        ),
        *contexts,
        *(question.question for question in questions),
    ]
