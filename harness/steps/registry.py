"""The kinds of steps: a module each, which defines all that is to be known of its kind.

Modules are imported when their kind is asked for, and import what is slow to import, or shall not be in the process
of another step, where they use it: planning reads options, versions and libraries of all kinds.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from pydantic import BaseModel, ValidationError

from harness.config.strict import Strict
from harness.errors import UserError
from harness.steps.context import Context
from harness.store.step import Step, StepInputs

OptionsT_contra = TypeVar("OptionsT_contra", bound=BaseModel, contravariant=True)
InputsT_contra = TypeVar("InputsT_contra", bound=StepInputs, contravariant=True)

KINDS: tuple[str, ...] = (
    "examples",
    "checkpoint",
    "training",
    "masked_language_model",
    "masked_language_model_artifact",
    "sentence_encoder_artifact",
    "artifact",
    "prebuilt_artifact",
    "checkpoint_outputs",
    "graph_outputs",
    "verification",
    "outputs",
    "tuning_search",
    "performance",
    "tuned_throughput",
    "paired_speed_up",
    "search_speed",
    "candidates",
    "attack",
    "random_swaps",
    "recipe",
    "transfer",
    "explanation",
    "compare_prediction_errors",
    "compare_pair_scores",
    "compare_retrieval",
    "compare_embedding_quantization",
    "compare_reranking",
    "compare_entities",
    "compare_label_sets",
    "compare_data_representation",
    "compare_data_distribution",
    "compare_adversarial_attack",
    "compare_calibration",
    "compare_affected",
    "compare_explanation",
)
"""Modules of this package."""


class StepKind(Protocol[OptionsT_contra, InputsT_contra]):
    """What the module of a kind defines; beside it the reader of what its steps made, for steps that need them."""

    __name__: str

    @property
    def VERSION(self) -> int:
        """Raised when the same options and inputs come to give another result: old results are then made again."""
        ...

    @property
    def LIBRARIES(self) -> tuple[str, ...]:
        """The distributions whose versions the result depends on, whatever the options."""
        ...

    @property
    def Options(self) -> type[BaseModel]:
        """All that a step's result depends on, beside its inputs."""
        ...

    @property
    def Inputs(self) -> type[StepInputs]: ...

    def run(self, context: Context[OptionsT_contra, InputsT_contra], /) -> None:
        """Do the step: write its files to ``context.destination``."""
        ...


def step_kind(name: str) -> StepKind[Any, Any]:
    """The kind of that name, one of `KINDS`."""
    return cast("StepKind[Any, Any]", import_module(f"harness.steps.{name}"))


def kind_name(kind: StepKind[Any, Any]) -> str:
    return kind.__name__.rpartition(".")[2]


class _Recorded(Strict):
    """A step as `Step.to_json` writes it."""

    kind: str
    key: str
    title: str
    group: str
    subject: dict[str, str]
    options: dict[str, Any]
    inputs: dict[str, Any]


def read_step(file: Path) -> Step:
    """The step that ``file`` describes.

    Raises:
        UserError: the file is not there, or does not describe a step; the message names the field.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); run the study again, which writes it") from None
    try:
        recorded = _Recorded(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise _wrong(file, error) from None
    if recorded.kind not in KINDS:
        raise UserError(f"{file}: kind: {recorded.kind!r} is none of {', '.join(KINDS)}")
    kind = step_kind(recorded.kind)
    parts: dict[str, Any] = {}
    for part, model in (("options", kind.Options), ("inputs", kind.Inputs)):
        try:
            parts[part] = model.model_validate_json(json.dumps(getattr(recorded, part)))
        except ValidationError as error:
            raise _wrong(file, error, part) from None
    return Step(**{**dict(recorded), **parts})


def _wrong(file: Path, error: Exception, *part: str) -> UserError:
    """``error`` of reading a ``part`` of a step, in one line."""
    reason = str(error)
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        reason = f"{'.'.join(map(str, (*part, *problem['loc'])))}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
        if problem["type"] != "missing":
            reason += f" ({str(problem['input'])[:80]!r} is given)"
    return UserError(f"{file}: {reason}; run the study again, which writes the file")
