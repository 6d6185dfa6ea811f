"""Tables with a class for each id, from CSV and JSONL: predictions, gold labels, or both in one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.data.checks import bad_data, checked_id, short
from harness.data.files import read_text
from harness.data.labels import whole_number
from harness.data.rows import csv_rows
from harness.errors import UserError
from harness.external_outputs.json_text import parse
from harness.external_outputs.probabilities import KINDS, PREFIXES, probabilities_of_table
from harness.external_outputs.read import PredictedClasses

Record = tuple[str, Mapping[str, Any]]
"""(place, the columns of a row)"""


def read_classes(path: Path) -> PredictedClasses:
    """Columns ``id`` and ``prediction``, and where they are there ``label``, ``group``, and probabilities or logits.

    Where there are probabilities or logits and no ``prediction``, that is the most probable class.

    Raises:
        UserError: no such file, not UTF-8, not CSV or JSONL, a column that is not there, no rows, an id
            twice, or a class that is neither a text nor a whole number.
    """
    records = list(_records(path))
    has_labels = any("label" in record for _, record in records)
    labels = _column(path, records, "label") if has_labels else None
    probabilities = probabilities_of_table(path, _with_ids(path, records, "prediction"))
    if probabilities is None or any("prediction" in record for _, record in records):
        predictions = _column(path, records, "prediction")
    else:
        predictions = dict(zip(probabilities.ids or (), probabilities.most_probable, strict=True))
    return PredictedClasses(path, predictions, labels, _groups(path, records), probabilities)


def read_labels(path: Path) -> dict[str, str]:
    """The gold classes by id: columns ``id`` and ``label``. Raises as `read_classes` does."""
    return _column(path, _records(path), "label")


def read_groups(path: Path) -> dict[str, str]:
    """The groups by id: columns ``id`` and ``group``. Raises as `read_classes` does."""
    return _column(path, _records(path), "group")


def groups_beside(path: Path) -> dict[str, str] | None:
    """As `read_groups`; None where there is no such column."""
    return _groups(path, list(_records(path)))


def _groups(path: Path, records: Sequence[Record]) -> dict[str, str] | None:
    return _column(path, records, "group") if any("group" in record for _, record in records) else None


def _column(path: Path, records: Iterable[Record], name: str) -> dict[str, str]:
    """The classes in a column, by id, in the order of the file."""
    classes_by_id: dict[str, str] = {}
    for id, place, record in _with_ids(path, records, name):
        if name not in record:
            raise _no_column(path, place, record, name, name)
        classes_by_id[id] = _named(
            path, f"{place}, column {name!r}", record[name], "group" if name == "group" else "class"
        )
    return classes_by_id


def _with_ids(path: Path, records: Iterable[Record], wanted: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(id, place, columns) of every row; ``wanted`` is the other column that a complaint asks for."""
    rows_by_id: dict[str, tuple[str, str, Mapping[str, Any]]] = {}
    for place, record in records:
        if "id" not in record:
            raise _no_column(path, place, record, "id", wanted)
        id = checked_id(path, f"{place}, column 'id'", record["id"])
        if id in rows_by_id:
            raise bad_data(path, place, f"has the id {short(id)}, as a line before it", "keep one row for each id")
        rows_by_id[id] = (id, place, record)
    if not rows_by_id:
        raise bad_data(path, "the table", "has no rows", "write one row for each id")
    return list(rows_by_id.values())


def _no_column(path: Path, place: str, record: Mapping[str, Any], column: str, wanted: str) -> UserError:
    what = f"has the columns {short(', '.join(map(str, record)))}, but no {column!r}"
    return bad_data(path, place, what, f"name the columns id and {wanted}")


def _named(path: Path, place: str, value: Any, what: str) -> str:
    """The name of a class or a group; a whole number is its digits, in CSV as in JSON."""
    if isinstance(value, str) and value.strip():
        return whole_number(value) or value.strip()
    if (number := whole_number(value)) is not None:
        return number
    raise bad_data(path, place, f"is {short(value)}, not a {what}", "put its name or its number there")


def _records(path: Path) -> Iterator[Record]:
    return _jsonl_records(path) if path.suffix.lower() == ".jsonl" else _csv_records(path)


def _csv_records(path: Path) -> Iterator[Record]:
    rows = csv_rows(path)
    _, columns = next(rows)
    _check_header(path, columns)
    for place, row in rows:
        yield place, dict(zip(columns, row, strict=True))


def _check_header(path: Path, columns: Sequence[str]) -> None:
    for column in columns:
        read = column in ("id", "prediction", "label", "group", *KINDS) or column.startswith(tuple(PREFIXES))
        if read and columns.count(column) > 1:
            raise bad_data(path, "line 1", f"names the column {column!r} several times", "keep one of them")
    # Refused here, because a table without rows has no record to miss it in.
    if "id" not in columns:
        what = f"has the columns {short(', '.join(columns))}, but no 'id'"
        raise bad_data(path, "line 1", what, "write CSV, with commas, and columns id and prediction or label")


def _jsonl_records(path: Path) -> Iterator[Record]:
    # Not splitlines(): a text may hold the other line ends of Unicode.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            record = parse(path, line, first_line=number)
            if not isinstance(record, dict):
                what = f"is {short(record)}, not an object"
                raise bad_data(path, f"line {number}", what, "write one object a line")
            yield f"line {number}", record
