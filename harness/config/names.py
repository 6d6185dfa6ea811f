"""The names that a study may write."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError

from backends.registry import BACKENDS
from exporters.formats import ALL, FORMATS
from harness.config.task_registry import TASKS

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
"""Names end up in file names and in deployment names (``model/format@backend``)."""


def _hub_id(name: str) -> str:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        raise PydanticCustomError(
            "hub_id", "is no id of a model or a data set of the Hugging Face hub, which is owner/name or name"
        ) from None
    return name


HubId = Annotated[str, AfterValidator(_hub_id)]


def _one_of(known: Collection[str]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in known:
            raise PydanticKnownError("literal_error", {"expected": ", ".join(known)})
        return name

    return check


def _made_by_export(name: str) -> str:
    if name in ALL.keys() - FORMATS.keys():
        raise PydanticCustomError(
            "prebuilt_format", "comes with a finished file alone: give that as a model's artifact"
        )
    return _one_of(FORMATS)(name)


# What there is, is said once: where it is made.
TaskName = Annotated[
    str, AfterValidator(_one_of(TASKS)), WithJsonSchema({"type": "string", "enum": list(TASKS)}, mode="validation")
]
FormatName = Annotated[
    str, AfterValidator(_made_by_export), WithJsonSchema({"type": "string", "enum": list(FORMATS)}, mode="validation")
]
BackendName = Annotated[
    str,
    AfterValidator(_one_of(BACKENDS)),
    WithJsonSchema({"type": "string", "enum": list(BACKENDS)}, mode="validation"),
]
