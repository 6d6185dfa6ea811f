"""A step: one unit of work, described so fully that a process that knows nothing else can do it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from pydantic import BaseModel

from harness.config.strict import Strict


class StepRef(Strict):
    """A step by its place in the store."""

    kind: str
    key: str


class StepInputs(Strict):
    """The earlier steps that one needs. Fields are a `StepRef`, or tuples or mappings of them."""

    @property
    def refs(self) -> list[StepRef]:
        return list(_refs(self.__dict__))


def _refs(value: object) -> Iterator[StepRef]:
    if isinstance(value, StepRef):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _refs(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from _refs(each)


LOCATION: Final = "location"
"""Annotates an option that says where something lies: it may move without changing the result, so that it is no part
of the key. What lies there is in another option, as a hash."""


def keyed(options: BaseModel) -> dict[str, Any]:
    """The options that are part of a step's key, as JSON values."""
    fields = type(options).model_fields
    return options.model_dump(mode="json", exclude={name for name in fields if LOCATION in fields[name].metadata})


class StepSubject(TypedDict, total=False):
    """Names of the things that a step is about."""

    task: str
    model: str
    format: str
    deployment: str
    role: str
    characteristic: str


@dataclass(frozen=True)
class Step:
    """One unit of work of a ``kind``, which defines the types of its ``options`` and ``inputs``.

    These and the versions that matter make the ``key``. Steps of one ``group`` share a worker process; ``subject``
    says what the step is about, for people.
    """

    kind: str
    key: str
    title: str
    group: str
    subject: StepSubject
    options: BaseModel
    inputs: StepInputs

    @property
    def ref(self) -> StepRef:
        return StepRef(kind=self.kind, key=self.key)

    def to_json(self) -> str:
        models = {"options": self.options, "inputs": self.inputs}
        return json.dumps(self.__dict__ | {name: model.model_dump(mode="json") for name, model in models.items()})


def key_of(inputs: Any) -> str:
    """The key of a step, from its inputs as JSON values: 32 hexadecimal digits of their SHA-256."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
