"""Base of all sections of a study: strict, frozen, and told apart by their keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Discriminator


class Strict(BaseModel):
    # The docstrings go into the schema. Infinity and NaN are in no range, and what is made of them is no JSON.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def only_key(*keys: str) -> Discriminator:
    """Tell the members of a union apart by the one key that each of them must have."""

    def which(value: Any) -> str | None:
        if isinstance(value, dict):
            return next((key for key in keys if key in value), None)
        return next((key for key in keys if hasattr(value, key)), None)

    return Discriminator(
        which,
        custom_error_type="source",
        custom_error_message=f"needs one of the keys: {', '.join(keys)}",
    )
