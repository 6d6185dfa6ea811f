"""Fine-tune a checkpoint by its task's recipe."""

from __future__ import annotations

from harness.config.tasks import QuestionAnswering
from harness.config.training import Distillation, Recipe
from harness.steps.context import Context
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.training.fine_tuning import fine_tune


def run(context: Context) -> None:
    options = context.options
    distillation, decoding = options["distillation"], options["question_answering"]
    record = fine_tune(
        context.input("starting"),
        context.destination,
        task=options["task"],
        examples=read_examples(context.input("examples")),
        labels=tuple(options["labels"]) or None,
        recipe=Recipe(**options["recipe"]),
        seed=options["seed"],
        teacher=context.input("teacher") if distillation else None,
        distillation=Distillation(**distillation) if distillation else None,
        question_answering=QuestionAnswering(**decoding) if decoding else None,
        work=context.store.work(context.step.key),
        progress=context.progress,
    )
    write_json(context.destination / "training.json", record)
