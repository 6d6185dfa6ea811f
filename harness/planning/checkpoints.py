"""The steps that fetch, cut, prune and train the checkpoints of a task's models."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.files import sha256
from harness.checkpoints.digest import source_digest
from harness.checkpoints.positions import heads, layers
from harness.checkpoints.removed import heads_removed, require_layers
from harness.config.checkpoints import (
    CheckpointSource,
    CutCheckpoint,
    EmbeddedCheckpoint,
    PrunedCheckpoint,
    RandomCheckpoint,
)
from harness.config.task_registry import task_class
from harness.config.training import PlannedDistillation
from harness.errors import errors_at
from harness.planning.context import TaskContext
from harness.planning.step import MODELS, once, plan_step
from harness.steps import checkpoint, training
from harness.store.step import Step, key_of


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
    """``task`` is that of the head."""
    if isinstance(source, EmbeddedCheckpoint):
        from harness.demo import files

        return key_of([sha256(path) for path in files(source.embedded, task)])
    return source_digest(source)


def seed_of(source: CheckpointSource, seed: int, *, new_head: bool) -> int:
    """``seed`` where weights may be drawn from it; else 0: the same files are not kept once for each seed."""
    return seed if new_head or isinstance(source, RandomCheckpoint) else 0


def _starting(context: TaskContext, model: str, source: CheckpointSource, made: dict[str, Step]) -> Step:
    """``made``: the checkpoints by model that this one may be cut or pruned from."""
    settings = context.task.models[model].training
    # A replicate by another seed starts from another head as well.
    seed = context.study.seed if settings is None or settings.seed is None else settings.seed
    parent = None
    if isinstance(source, CutCheckpoint):
        parent = made[source.cut].ref
        _require_parts(context, model, source)
    elif isinstance(source, PrunedCheckpoint):
        parent = made[source.pruned].ref
        _require_parts(context, model, source)
    return plan_step(
        checkpoint,
        title=f"get the checkpoint {model} for {context.name}",
        group=MODELS,
        subject={"task": context.name, "model": model},
        options=checkpoint.Options(
            task=context.head,
            labels=context.labels,
            source=source,
            digest=checkpoint_digest(source, context.head),
            new_head=settings is not None,
            seed=seed_of(source, seed, new_head=settings is not None),
        ),
        inputs=checkpoint.Inputs(parent=parent),
    )


def _require_parts(context: TaskContext, model: str, source: CutCheckpoint | PrunedCheckpoint) -> None:
    """Raise a `UserError` for layers or heads that the other model is known not to have; else making it will tell."""
    with errors_at(f"tasks.{context.name}.models.{model}.checkpoint"):
        if isinstance(source, CutCheckpoint):
            if (there := layers(context.name, context.task, source.cut)) is not None:
                require_layers(source.layers, there, source.cut)
        elif source.heads and (there := heads(context.name, context.task, source.pruned)) is not None:
            heads_removed(source.heads, there, source.pruned)


def _planned(context: TaskContext, model: str) -> PlannedDistillation | None:
    settings, source = context.task.models[model].training, context.task.models[model].checkpoint
    if settings is None or settings.distillation is None:
        return None
    learnt = source.layers if isinstance(source, CutCheckpoint) and settings.distillation.hidden_states else None
    return PlannedDistillation(
        **settings.distillation.model_dump(),
        layers=learnt,
        pooling=None if task_class(context.name).head.outputs else context.pooling,
    )


def _trained(
    context: TaskContext, model: str, starting: Step, exported: dict[str, Step], examples: dict[str, Step]
) -> Step:
    """``starting`` itself where the study does not train it; ``exported`` has the teacher."""
    settings, recipe = context.task.models[model].training, context.task.recipe
    if settings is None or recipe is None:
        return starting
    return plan_step(
        training,
        title=f"train {model} on {context.name}",
        group=f"training {context.name} {model}",
        subject={"task": context.name, "model": model},
        options=training.Options(
            task=context.name,
            labels=context.labels,
            recipe=recipe,
            seed=recipe.seed if settings.seed is None else settings.seed,
            distillation=_planned(context, model),
            question_answering=context.windows,
        ),
        inputs=training.Inputs(
            starting=starting.ref,
            examples=examples["train"].ref,
            teacher=None if settings.distillation is None else exported[context.task.reference].ref,
        ),
    )
