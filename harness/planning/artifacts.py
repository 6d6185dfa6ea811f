"""The steps that export checkpoints to formats, and that take in finished files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from exporters.formats import FORMATS
from harness.checkpoints.prebuilt import look_at_own, own_file, tokenizer_folder
from harness.config.deployments import formats_of
from harness.config.models import OwnArtifact
from harness.errors import UserError
from harness.planning.context import TaskContext
from harness.planning.step import plan_step
from harness.planning.versions import installed
from harness.store.steps import Step

TENSORRT = ("tensorrt", "tensorrt-cu12", "tensorrt-cu13")
"""Distributions that TensorRT comes in: each engine is of one version."""


def plan_artifacts(
    context: TaskContext, checkpoints: dict[str, Step], examples: dict[str, Step]
) -> dict[tuple[str, str], tuple[Step, ...]]:
    """By model and format: the artifact, behind those of other formats that it is converted from.

    Raises:
        UserError: a finished file will not do.
    """
    return {
        (model, format): _exported(context, model, format, checkpoints[model], examples)
        if entry.artifact is None
        else (_taken_in(context, model, format, entry.artifact, examples),)
        for model, entry in context.task.models.items()
        for format in formats_of(context.study, entry)
    }


def _exported(
    context: TaskContext, model: str, format: str, checkpoint: Step, examples: dict[str, Step]
) -> tuple[Step, ...]:
    chosen = FORMATS[format]
    options = _options(context, format)
    needs = {"checkpoint": checkpoint}
    before: tuple[Step, ...] = ()
    if chosen.parent is not None:
        before = _exported(context, model, chosen.parent, checkpoint, examples)
        needs["parent"] = before[-1]
    if chosen.needs_calibration:
        needs["train"] = examples["train"]
        options["calibration"] = context.task.calibration.model_dump(mode="json")
    if chosen.family == "tensorrt":
        options |= {"gpu": context.machine.facts["gpu"], "tensorrt": installed(TENSORRT)}
    elif chosen.isa_dependent:
        options["isa"] = context.machine.isa
    if chosen.packages:
        options["packages"] = installed(chosen.packages)
    artifact = plan_step(
        "artifact",
        title=f"export {model} to {format} for {context.name}",
        group="artifact",
        subject={"task": context.name, "model": model, "format": format},
        options=options,
        needs=needs,
    )
    return (*before, artifact)


def _taken_in(context: TaskContext, model: str, format: str, artifact: OwnArtifact, examples: dict[str, Step]) -> Step:
    try:
        content = look_at_own(artifact, task=context.name, labels=context.labels, pooling=context.task.pooling)
    except UserError as error:
        raise UserError(f"tasks.{context.name}.models.{model}.artifact: {error}") from None
    kind = "onnx" if artifact.tensorrt is None else "tensorrt"
    places = {kind: str(own_file(artifact)), "tokenizer": str(tokenizer_folder(artifact))}
    return plan_step(
        "artifact",
        title=f"take in {model} for {context.name}",
        group="artifact",
        subject={"task": context.name, "model": model, "format": format},
        options={
            **_options(context, format),
            "files": content.files,
            "tokenizer": content.tokenizer,
            "verification_examples": context.task.verification_examples,
            "told": asdict(content.told),
            **context.without_representation(model),
        },
        needs={"evaluation": examples["evaluation"]},
        places={"artifact": {**artifact.model_dump(mode="json"), **places}},
    )


def _options(context: TaskContext, format: str) -> dict[str, Any]:
    return {
        "format": format,
        "task": context.name,
        "labels": context.labels,
        "pooling": context.task.pooling,
        "max_length": context.task.max_length,
        "question_answering": context.windows,
        "seed": context.study.seed,
    }
