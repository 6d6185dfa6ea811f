"""Lists of ids: one a line, or a JSON list."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.data.checks import bad_data, checked_id, short
from harness.data.files import read_text
from harness.external_outputs.json_text import parse


def read_ids(path: Path) -> tuple[str, ...]:
    """The ids of a file of either form, in its order; at least one.

    Raises:
        UserError: no such file, not UTF-8, no ids, an id twice, or one that is no text.
    """
    text = read_text(path)
    is_json = path.suffix.lower() == ".json" or text.lstrip().startswith("[")
    ids = ids_of_json(path, parse(path, text)) if is_json else ids_of_lines(path, text)
    if not ids:
        raise bad_data(path, "the list", "holds no ids", "write one id a line")
    return ids


def ids_of_lines(path: Path, text: str) -> tuple[str, ...]:
    """One id a line; blank lines do not count.

    Raises:
        UserError: an id twice, or nothing but blank lines.
    """
    lines = [(f"line {number}", line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    named = [(place, line) for place, line in lines if line]
    if not named:  # an empty list is told from a file that was cut: [] in JSON
        raise bad_data(path, "the file", "has blank lines only", "write one id a line, or [] as JSON for none")
    return _unique(path, named)


def ids_of_json(path: Path, tree: Any) -> tuple[str, ...]:
    """The ids in the parsed JSON list ``tree``, which may be empty.

    Raises:
        UserError: no list, an id twice, or one that is neither a text nor a whole number.
    """
    if not isinstance(tree, list):
        raise bad_data(path, "the JSON", f"is {short(tree)}, not a list", "write a list of ids")
    return _unique(path, [(f"[{index}]", checked_id(path, f"[{index}]", value)) for index, value in enumerate(tree)])


def _unique(path: Path, named: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    places: dict[str, str] = {}
    for place, id in named:
        first = places.setdefault(id, place)
        if first != place:
            raise bad_data(path, place, f"is {short(id)}, as {first} is", "name every id once")
    return tuple(places)
