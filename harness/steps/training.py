"""Fine-tune a checkpoint by its task's recipe."""

from __future__ import annotations

from harness.config.names import TaskName
from harness.config.strict import Strict
from harness.config.tasks import QuestionAnswering
from harness.config.training import PlannedDistillation, Recipe
from harness.inference.process import import_transformers
from harness.steps.context import Context
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.step import StepInputs, StepRef

VERSION = 1
LIBRARIES = ("torch", "transformers", "accelerate")


class Options(Strict):
    task: TaskName
    labels: tuple[str, ...]
    recipe: Recipe
    seed: int
    distillation: PlannedDistillation | None
    question_answering: QuestionAnswering | None
    """How contexts are cut to windows; nothing is decoded."""


class Inputs(StepInputs):
    starting: StepRef
    examples: StepRef
    teacher: StepRef | None = None
    """A checkpoint, of distillation."""


def run(context: Context[Options, Inputs]) -> None:
    import_transformers()
    from harness.training.fine_tuning import fine_tune

    options, inputs = context.options, context.inputs
    record = fine_tune(
        context.folder(inputs.starting),
        context.destination,
        task=options.task,
        examples=read_examples(context.folder(inputs.examples)),
        labels=options.labels or None,
        recipe=options.recipe,
        seed=options.seed,
        teacher=None if inputs.teacher is None else context.folder(inputs.teacher),
        distillation=options.distillation,
        question_answering=options.question_answering,
        work=context.work(),
        progress=context.progress,
    )
    write_json(context.destination / "training.json", record)
