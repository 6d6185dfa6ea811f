"""Records: the base of all models of files, their reader, and the error of a file that does not fit them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from harness.errors import UserError

T = TypeVar("T")


class Record(BaseModel):
    """Strict: a field that is missing, unknown, of another type or not finite is an error.

    What the leaf packages return goes in as the frozen dataclasses that they are; these rules hold for them too.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def known(cls, **fields: Any) -> Self:
        """A record of which these fields are known, and all others None."""
        return cls(**{**dict.fromkeys(cls.model_fields), **fields})


def read_record(path: Path, kind: type[T]) -> T:
    """A JSON file of a step as a `Record`, or as a dataclass of a leaf package.

    Raises:
        UserError: a field is missing, unknown (to a `Record`) or of another type; the file and the field are named.
    """
    return parse_record(path, path.read_bytes(), kind)


def parse_record(path: Path, text: str | bytes, kind: type[T]) -> T:
    """The same of ``text``, which is what the step's file ``path`` holds, in the order of ``kind``."""
    try:
        return TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        raise UserError(
            f"{path}: {first_fault(error, 'files of this scalemodel')}; remove {path.parent} and `scalemodel run` "
            "makes it anew"
        ) from None


def first_fault(error: ValidationError, which: str) -> str:
    """The first field that does not fit, and why, on one line; ``which`` files have it right, in the plural."""
    fault = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing":
        return f"{field} is missing, {which} have it"
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{field} is no field of {which}"
    return f"{f'{field}: ' if field else ''}{' '.join(fault['msg'].split())} ({which})"
