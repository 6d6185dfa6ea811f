"""Checks of every example, wherever it comes from. Each complaint is one line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from harness.errors import UserError
from harness.examples.records import QuestionExample


def bad_data(source: object, place: str, what: str, way_out: str) -> UserError:
    """The complaint: the source (a file or data set), the place in it, what is wrong there, the way out."""
    return UserError(" ".join(f"{source}: {place}: {what}; {way_out}".splitlines()))


def short(value: object) -> str:
    """The value as Python writes it, on one line, at most 60 characters."""
    # Cut before repr(): a context may be megabytes.
    text = repr(value[:60] if isinstance(value, str) else value)
    whole = not isinstance(value, str) or len(value) <= 60
    return text if whole and len(text) <= 60 else text[:57] + "..."


def group_of(text: str) -> str:
    """A name for the passage or text: equal texts are one group, wherever in the data they stand."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def checked_text(source: object, place: str, value: Any) -> str:
    """A text with something to read in it."""
    if not isinstance(value, str):
        raise bad_data(source, place, f"is {short(value)}, not a text", "put a text there")
    if not value.strip():
        raise bad_data(source, place, f"is {short(value)}, an empty text", "fill it in or leave it out")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = short(value[error.start])
        what = f"character {error.start} is {half}, half of a surrogate pair"
        raise bad_data(source, place, what, "write the whole character") from None
    return value


def checked_id(source: object, place: str, value: Any) -> str:
    """An id as text: a whole number in JSON is the id that CSV writes with the same digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise bad_data(source, place, f"is {short(value)}, not an id", "put the id of an example there")
    return checked_text(source, place, value)


def checked_question(
    source: object,
    place: str,
    *,
    id: Any,
    question: Any,
    context: str,
    answers: Sequence[tuple[str, Any, Any]],
) -> QuestionExample:
    """A question on a ``context`` that was checked before.

    ``answers`` are (place, text, start): the start is an offset into the context in characters, at which
    the text must stand.
    """
    checked_text(source, f"{place}.question", question)
    for where, text, start in answers:
        _check_answer(source, where, text, start, context)
    return QuestionExample(
        id=checked_id(source, f"{place}.id", id),
        group=group_of(context),
        question=question,
        context=context,
        answers=tuple(text for _, text, _ in answers),
        answer_starts=tuple(start for _, _, start in answers),
    )


def _check_answer(source: object, place: str, text: Any, start: Any, context: str) -> None:
    checked_text(source, f"{place}.text", text)
    if isinstance(start, bool) or not isinstance(start, int):
        what = f"is {short(start)}, not a whole number"
        raise bad_data(source, f"{place}.answer_start", what, "correct it")
    if not 0 <= start < len(context):
        what = f"is {start}, outside of the context of {len(context)} characters"
        raise bad_data(source, f"{place}.answer_start", what, "count characters of the context from 0")
    there = context[start : start + len(text)]
    if there != text:
        offset = context.find(text)
        nearest = f"{short(text)} stands at {offset}" if offset >= 0 else f"{short(text)} is not in the context"
        what = f"is {start}, where the context reads {short(there)}, but {nearest}"
        raise bad_data(source, f"{place}.answer_start", what, "correct the offset or the text")


class UniqueIds:
    """Remembers where each id was seen."""

    def __init__(self, source: object) -> None:
        self._source = source
        self._places: dict[str, str] = {}

    def add(self, id: str, place: str) -> None:
        first = self._places.setdefault(id, place)
        if first != place:
            what = f"is {short(id)}, the id of {first} too"
            raise bad_data(self._source, f"{place}.id", what, "give every question its own id")
