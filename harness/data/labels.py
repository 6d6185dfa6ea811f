"""A label as it stands in the data, into an index of the task's label names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.data.checks import bad_data, short


def checked_label(source: object, place: str, value: Any, labels: Sequence[str]) -> int:
    """The index of the class: ``value`` is one of the names ``labels``, or an index from 0.

    Names win over indices, and when all names are numbers ("1", "2") only names count: an index would
    then be a guess.
    """
    text = value.strip() if isinstance(value, str) else _integer(value)
    if text in labels:
        return labels.index(text)
    if isinstance(value, str) and text is not None:
        whole, _, fraction = text.partition(".")
        text = whole if set(fraction) == {"0"} else text  # a column with a gap is one of floats when it is written
    names_are_numbers = all(name.lstrip("+-").isdigit() for name in labels)
    indices = [] if names_are_numbers else [str(index) for index in range(len(labels))]
    if text in indices:
        return indices.index(text)
    known = ", ".join(labels) if names_are_numbers else f"0 to {len(labels) - 1} or {', '.join(labels)}"
    what = f"is {short(value)}, not a label of the task ({known})"
    raise bad_data(source, place, what, "correct it, or `labels` in the config")


def _integer(value: Any) -> str | None:
    """A whole number as text; None for anything else (True is no label, 1.0 is one)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return str(int(value))
