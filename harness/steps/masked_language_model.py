"""Train the masked language model that proposes an attack's words, on the task's training texts."""

from __future__ import annotations

from harness.config.study import Recipe
from harness.execution.worker import Context
from harness.store.examples import read_examples
from harness.tasks.examples import TextExample
from harness.training.masked_language_model import train_masked_language_model


def run(context: Context) -> None:
    recipe = Recipe(**context.options["recipe"])
    examples = read_examples(context.input("examples"))
    train_masked_language_model(
        context.input("starting"),
        context.destination,
        texts=[example.text for example in examples if isinstance(example, TextExample)],
        recipe=recipe,
        seed=recipe.seed,
        work=context.store.work(context.step.key),
        progress=context.progress,
    )
