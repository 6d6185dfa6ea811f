"""Options and inputs of the steps that open a deployment, and options of those that measure the machine."""

from __future__ import annotations

from typing import Any, TypeVar

from harness.config.strict import Strict
from harness.inference.options import BackendOptions, DeploymentOptions
from harness.steps.context import Context
from harness.store.step import StepInputs, StepRef


class TimedOptions(Strict):
    """Of a step whose result is of the machine that it was made on, which it then has for itself."""

    machine: dict[str, Any]
    """Timings of unlike machines are never taken for each other."""


class DeployedOptions(Strict):
    deployment: DeploymentOptions


class DeployedInputs(StepInputs):
    artifact: StepRef
    evaluation: StepRef | None = None
    """The evaluation data, where it says whether "" may be an answer."""


def deployment_options(context: Context[DeployedOptions, DeployedInputs]) -> DeploymentOptions:
    """The step's deployment, with what is left to the evaluation data."""
    return with_negatives(context, context.options.deployment, context.inputs.evaluation)


OptionsT = TypeVar("OptionsT", bound=BackendOptions)


def with_negatives(context: Context[Strict, StepInputs], options: OptionsT, evaluation: StepRef | None) -> OptionsT:
    """``options`` that say whether "" may be an answer: where the study does not, if any question has none."""
    decoding = options.task.question_answering
    if decoding is None or decoding.version_2_with_negative is not None:
        return options
    from harness.store.examples import any_unanswerable  # pyarrow: not every step's process shall pay for it

    assert evaluation is not None  # planning has seen to it
    negative = any_unanswerable(context.folder(evaluation))
    decided = decoding.model_copy(update={"version_2_with_negative": negative})
    task = options.task.model_copy(update={"question_answering": decided})
    return options.model_copy(update={"task": task})
