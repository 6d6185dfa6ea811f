"""The steps that fetch, cut, prune and train the checkpoints of a task's models."""

from __future__ import annotations

from dataclasses import dataclass

from harness.checkpoints.digest import source_digest
from harness.config.checkpoints import CheckpointSource, CutCheckpoint, EmbeddedCheckpoint, PrunedCheckpoint
from harness.planning.context import TaskContext
from harness.planning.step import once, plan_step
from harness.store.keys import file_digest, key_of
from harness.store.steps import Step


@dataclass(frozen=True)
class Checkpoints:
    exported: dict[str, Step]
    """By model: what it is once it is trained. A finished file has none."""
    steps: tuple[Step, ...]
    """All of them; what a step needs stands before it."""


def plan_checkpoints(context: TaskContext, examples: dict[str, Step]) -> Checkpoints:
    models, reference = context.task.models, context.task.reference
    sources = {model: entry.checkpoint for model, entry in models.items() if entry.checkpoint is not None}
    pruned = [model for model, source in sources.items() if isinstance(source, PrunedCheckpoint)]
    others = [model for model in sources if model not in pruned]
    starting: dict[str, Step] = {}
    for model in sorted(others, key=lambda model: isinstance(sources[model], CutCheckpoint)):
        starting[model] = _starting(context, model, sources[model], starting)
    steps = list(starting.values())
    exported: dict[str, Step] = {}
    for model in sorted(others, key=lambda model: model != reference):  # the teacher is first
        exported[model] = _trained(context, model, starting[model], exported, examples)
        steps.append(exported[model])
    for model in pruned:  # made of what the other model has become, by its training if it has one
        cut_down = _starting(context, model, sources[model], exported)
        exported[model] = _trained(context, model, cut_down, exported, examples)
        steps += [cut_down, exported[model]]
    return Checkpoints(exported, once(steps))


def checkpoint_digest(source: CheckpointSource, task: str) -> str:
    if isinstance(source, EmbeddedCheckpoint):
        from harness.demo import files

        return key_of([file_digest(path) for path in files(source.embedded, task)])
    return source_digest(source)


def _starting(context: TaskContext, model: str, source: CheckpointSource, made: dict[str, Step]) -> Step:
    """``made``: the checkpoints by model that this one may be cut or pruned from."""
    training = context.task.models[model].training
    needs = {}
    if isinstance(source, CutCheckpoint):
        needs = {"cut": made[source.cut]}
    elif isinstance(source, PrunedCheckpoint):
        needs = {"pruned": made[source.pruned]}
    return plan_step(
        "checkpoint",
        title=f"get the checkpoint {model} for {context.name}",
        group="checkpoint",
        subject={"task": context.name, "model": model},
        options={
            "task": context.name,
            "labels": context.labels,
            "digest": checkpoint_digest(source, context.name),
            "new_head": training is not None,
            # A replicate by another seed starts from another head as well.
            "seed": context.study.seed if training is None or training.seed is None else training.seed,
        },
        needs=needs,
        places={"source": source.model_dump(mode="json")},
    )


def _trained(
    context: TaskContext, model: str, starting: Step, exported: dict[str, Step], examples: dict[str, Step]
) -> Step:
    """``starting`` itself where the study does not train it; ``exported`` has the teacher."""
    training, recipe = context.task.models[model].training, context.task.recipe
    if training is None or recipe is None:
        return starting
    needs = {"starting": starting, "examples": examples["train"]}
    if training.distillation is not None:
        needs["teacher"] = exported[context.task.reference]
    return plan_step(
        "training",
        title=f"train {model} on {context.name}",
        group=f"training {context.name} {model}",
        subject={"task": context.name, "model": model},
        options={
            "task": context.name,
            "labels": context.labels,
            "recipe": recipe.model_dump(mode="json"),
            "seed": recipe.seed if training.seed is None else training.seed,
            "distillation": None if training.distillation is None else training.distillation.model_dump(mode="json"),
            "question_answering": context.windows,
        },
        needs=needs,
    )
