"""Train the masked language model that proposes an attack's words, on the task's training texts."""

from __future__ import annotations

from collections.abc import Sequence

from harness.config.training import Recipe
from harness.examples import Example, QuestionExample, TextExample
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.training.masked_language_model import train_masked_language_model


def run(context: Context) -> None:
    recipe = Recipe(**context.options["recipe"])
    examples = read_examples(context.input("examples"))
    train_masked_language_model(
        context.input("starting"),
        context.destination,
        texts=_texts(examples),
        recipe=recipe,
        seed=recipe.seed,
        work=context.store.work(context.step.key),
        progress=context.progress,
    )


def _texts(examples: Sequence[Example]) -> list[str]:
    """Many questions are about one context, which counts once."""
    questions = [example for example in examples if isinstance(example, QuestionExample)]
    contexts = dict.fromkeys(question.context for question in questions)
    return [
        *(example.text for example in examples if isinstance(example, TextExample)),
        *contexts,
        *(question.question for question in questions),
    ]
