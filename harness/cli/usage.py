"""Errors of values on the command line, in our words: typer's own are those of its libraries."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic_core import ValidationError

from harness.config.slips import meant

_NO_NUMBER = {"int_parsing": "is no whole number", "float_parsing": "is no number"}
"""By pydantic's name of the error."""


def reword_value_error(message: str, cause: BaseException | None, choices: Sequence[str]) -> str:
    """``message``: typer's, which ``cause`` is behind; ``choices``: the values that the option can have, if few can."""
    if isinstance(cause, ValidationError):
        first, *_ = cause.errors()
        value, wrong = first["input"], first["type"]
        limit = first.get("ctx", {}).get("ge")
        if wrong in _NO_NUMBER:
            return message.replace(first["msg"], f"{value!r} {_NO_NUMBER[wrong]}")
        if limit is not None:
            return message.replace(first["msg"], f"{value} is less than {limit}")
    if choices and message.endswith("requires an argument"):
        return f"{message}: one of {', '.join(choices)}"
    refused = re.search(r": '(.*)' is not one of ", message)
    if refused and (close := _alike(refused[1], choices)):
        return f"{message[: refused.start()]}: there is no {refused[1]!r}; did you mean {' or '.join(close)}?"
    return message


def _alike(word: str, choices: Sequence[str]) -> list[str]:
    """The choice that is closest to a word, or those with a part that is: "eror" is of "prediction-errors"."""
    if close := meant(word, choices):
        return [close]
    parts = list(dict.fromkeys(part for choice in choices for part in choice.split("-")))
    part = meant(word, parts)
    return [choice for choice in choices if part in choice.split("-")]
