"""A step and its key: the hash of all that its result depends on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

from pydantic import BaseModel

from harness.steps.registry import StepKind, kind_name
from harness.store.step import Step, StepInputs, StepSubject, key_of, keyed

OptionsT = TypeVar("OptionsT", bound=BaseModel)
InputsT = TypeVar("InputsT", bound=StepInputs)
ModelT = TypeVar("ModelT", bound=BaseModel)

MODELS = "models"
"""Group of the steps that load checkpoints and export them: each new process would take ten seconds to import torch,
transformers and optimum."""


def plan_step(
    kind: StepKind[OptionsT, InputsT],
    *,
    title: str,
    group: str,
    subject: StepSubject,
    options: OptionsT,
    inputs: InputsT,
) -> Step:
    """The step of a ``kind``, which is its module, with these ``options`` and ``inputs``: see `Step`."""
    name = kind_name(kind)
    key = key_of(
        {
            "kind": name,
            "version": kind.VERSION,
            "libraries": installed(kind.LIBRARIES),
            "options": keyed(options),
            "inputs": inputs.model_dump(mode="json"),
        }
    )
    return Step(name, key, title, group, subject, options, inputs)


def installed(distributions: Iterable[str]) -> dict[str, str]:
    """The version of each of the distributions that is there."""
    return {name: installed_version for name in distributions if (installed_version := _version(name)) is not None}


@cache
def _version(distribution: str) -> str | None:
    """Read once: parsing its metadata for every step took most of the time of planning a study."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def only(settings: ModelT, *fields: str) -> ModelT:
    """``settings`` with the defaults of all but these fields: no step's key shall know of what it does not read."""
    return type(settings)(**{name: getattr(settings, name) for name in fields})


def without(settings: ModelT, *fields: str) -> ModelT:
    """``settings`` with the defaults of these fields."""
    return only(settings, *(name for name in type(settings).model_fields if name not in fields))


def once(steps: Iterable[Step]) -> tuple[Step, ...]:
    """In their order, and each key once: what two models, or two tasks, share is made for the first."""
    kept: dict[str, Step] = {}
    for step in steps:
        kept.setdefault(step.key, step)
    return tuple(kept.values())
