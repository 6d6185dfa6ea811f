"""Records: the base of all models of results, and the error of a file that does not fit them."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError


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


def first_fault(error: ValidationError, version: int) -> str:
    """The first field that does not fit, and why, on one line."""
    fault = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing":
        return f"{field} is missing, results of version {version} have it"
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{field} is no field of results of version {version}"
    return f"{field}: {' '.join(fault['msg'].split())} (results of version {version})"
