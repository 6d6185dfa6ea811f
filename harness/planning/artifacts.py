"""The steps that export checkpoints to formats and take in finished files; what is not made of a model."""

from __future__ import annotations

from backends.host.nvidia import TENSORRT_PACKAGES
from exporters.formats import FORMATS, refused
from exporters.pooling import POOLINGS
from harness.checkpoints.positions import architecture
from harness.checkpoints.prebuilt import inspect_prebuilt, prebuilt_file, tokenizer_folder
from harness.config.deployments import formats_of, represented
from harness.config.models import PrebuiltArtifact
from harness.errors import UserError, errors_at
from harness.planning.context import TaskContext
from harness.planning.step import MODELS, installed, plan_step
from harness.steps import artifact, prebuilt_artifact
from harness.store.step import Step

Refused = dict[tuple[str, str], str]
"""The reason, by model and format."""


def refused_formats(context: TaskContext) -> Refused:
    """The formats of the study that are left out for a model. Of a model on a hub nothing is known yet.

    Raises:
        UserError: a model names such a format itself, or no other.
    """
    refusals: Refused = {}
    for name, model in context.task.models.items():
        kind = architecture(context.name, context.task, name)
        if kind is None:
            continue
        formats = formats_of(context.study, model)
        reasons = {format: reason for format in formats if (reason := refused(format, kind)) is not None}
        if reasons and (model.formats or len(reasons) == len(formats)):
            format, reason = next(iter(reasons.items()))
            place = f"tasks.{context.name}.models.{name}.formats" if model.formats else "formats"
            raise UserError(f"{place}: {format} is not made of {name}, a {kind}: {reason}")
        refusals.update({(name, format): reason for format, reason in reasons.items()})
    return refusals


def plan_artifacts(
    context: TaskContext, checkpoints: dict[str, Step], examples: dict[str, Step], refusals: Refused
) -> dict[tuple[str, str], tuple[Step, ...]]:
    """By model and format: the artifact, behind those that it is converted from; none for ``refusals``.

    Raises:
        UserError: a finished file will not do.
    """
    return {
        (model, format): _exported(context, model, format, checkpoints[model], examples)
        if entry.artifact is None
        else (_prebuilt(context, model, format, entry.artifact, examples),)
        for model, entry in context.task.models.items()
        for format in formats_of(context.study, entry)
        if (model, format) not in refusals
    }


def _exported(
    context: TaskContext, model: str, format: str, checkpoint: Step, examples: dict[str, Step]
) -> tuple[Step, ...]:
    chosen = FORMATS[format]
    before: tuple[Step, ...] = ()
    if chosen.parent is not None:
        before = _exported(context, model, chosen.parent, checkpoint, examples)
    by_tensorrt = chosen.family == "tensorrt"
    step = plan_step(
        artifact,
        title=f"export {model} to {format} for {context.name}",
        group=MODELS,
        subject={"task": context.name, "model": model, "format": format},
        options=artifact.Options(
            format=format,
            task=context.options(context.windows),
            pooling=context.pooling,
            seed=context.study.seed if chosen.needs_calibration else 0,
            calibration=context.task.calibration if chosen.needs_calibration else None,
            isa=context.machine.isa if chosen.isa_dependent else (),
            gpu=context.machine.facts["gpu"] if by_tensorrt else None,
            versions=installed((*chosen.packages, *(TENSORRT_PACKAGES if by_tensorrt else ()))),
        ),
        inputs=artifact.Inputs(
            checkpoint=checkpoint.ref,
            parent=before[-1].ref if before else None,
            calibration=examples["train"].ref if chosen.needs_calibration else None,
        ),
    )
    return (*before, step)


def _prebuilt(
    context: TaskContext, model: str, format: str, finished: PrebuiltArtifact, examples: dict[str, Step]
) -> Step:
    pooling = context.pooling
    if pooling is None:
        raise UserError(
            f"tasks.{context.name}.pooling: is missing, and {model} is a finished file, which does not tell how it is "
            f"pooled; set it to one of {', '.join(POOLINGS)}"
        )
    with errors_at(f"tasks.{context.name}.models.{model}.artifact"):
        content = inspect_prebuilt(finished, task=context.head, labels=context.labels, pooling=pooling)
    kind = "onnx" if finished.tensorrt is None else "tensorrt"
    places = {kind: prebuilt_file(finished), "tokenizer": tokenizer_folder(finished)}
    return plan_step(
        prebuilt_artifact,
        title=f"take in {model} for {context.name}",
        group=MODELS,
        subject={"task": context.name, "model": model, "format": format},
        options=prebuilt_artifact.Options(
            format=format,
            task=context.options(context.windows),
            pooling=pooling,
            artifact=finished.model_copy(update=places),
            declared=content.declared,
            files=content.files,
            tokenizer=content.tokenizer,
            representation=represented(context.task, model),
            verification_examples=context.task.verification_examples,
            seed=context.study.seed,
        ),
        inputs=prebuilt_artifact.Inputs(evaluation=examples["evaluation"].ref),
    )
