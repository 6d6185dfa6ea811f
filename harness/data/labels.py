"""A label as it stands in the data, into an index of the task's label names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from harness.data.checks import bad_data, short


def checked_label(source: object, place: str, value: Any, labels: Sequence[str]) -> int:
    """The index of the class: ``value`` is one of the names ``labels``, or an index from 0.

    Names win over indices, and when all names are numbers ("1", "2") only names count: an index would
    then be a guess.
    """
    name = value.strip() if isinstance(value, str) else None
    text = name if name in labels else whole_number(value)
    if text in labels:
        return labels.index(text)
    names_are_numbers = all(name.lstrip("+-").isdigit() for name in labels)
    indices = [] if names_are_numbers else [str(index) for index in range(len(labels))]
    if text in indices:
        return indices.index(text)
    known = ", ".join(labels) if names_are_numbers else f"0 to {len(labels) - 1} or {', '.join(labels)}"
    what = f"is {short(value)}, not a label of the task ({known})"
    raise bad_data(source, place, what, "correct it, or `labels` in the config")


def whole_number(value: Any) -> str | None:
    """The digits of a whole number; None for anything else (True is no label; 1.0 and "1.0" are one).

    A column with a gap is one of floats when it is written.
    """
    if isinstance(value, str):
        match = re.fullmatch(r"([+-]?\d+)(?:\.0*)?", value.strip(), re.ASCII)
        return match and match[1]
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:  # NaN, infinity too
        return None
    return str(int(value))
