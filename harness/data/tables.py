"""Texts, with labels or in pairs with a score, from CSV, JSONL and Parquet files."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backends.errors import one_line
from harness.data.checks import bad_data, checked_text, group_of, short
from harness.data.files import existing_file
from harness.data.labels import checked_label
from harness.data.rows import csv_rows, jsonl_rows
from harness.errors import UserError
from harness.examples.records import LabelledText, PlainText, ScoredPair, TextExample, TextPair

Columns = Mapping[str, str]
"""What the study calls a column (``text``, ``label``, ...): the column's name in the file."""
Row = tuple[str, list[Any]]
"""(place, one value a column)"""


MISSING = (None, "")
LARGEST_TABLE_ROWS = 20_000_000
LARGEST_TABLE_BYTES = 8 << 30
"""A Parquet file of a few kilobytes can unpack to any size."""


def read_table(path: Path, *, text: str, label: str, labels: Sequence[str], judged: bool = True) -> list[TextExample]:
    """Every row of the file, in its order; ``text`` and ``label`` name the two columns that count.

    The id of an example is the file's name and its row's number, from 0. Where no model is ``judged`` by them, labels
    may be missing, a row's or the whole column: the first class stands for them.

    Raises:
        UserError: no such file, not readable as what its suffix says, a column that is not there, an
            empty text, or a label that the task does not have.
    """
    return [
        TextExample(
            id=f"{path.stem}:{index}",
            group=group_of(checked_text(path, f"{place}, column {text!r}", content)),
            text=content,
            label=_class(path, f"{place}, column {label!r}", value, labels, judged),
        )
        for index, (place, (content, value)) in enumerate(
            rows_of(path, {"text": text, "label": label}, optional=() if judged else ("label",))
        )
    ]


def _class(path: Path, place: str, value: Any, labels: Sequence[str], judged: bool) -> int:
    return 0 if value in MISSING and not judged else checked_label(path, place, value, labels)


def read_label_sets(path: Path, *, text: str, label: str, labels: Sequence[str], separator: str) -> list[LabelledText]:
    """As `read_table`, of any number of labels: a list, or a text with ``separator`` between them. None is no label."""
    return [
        LabelledText(
            f"{path.stem}:{index}",
            group_of(checked_text(path, f"{place}, column {text!r}", content)),
            content,
            _label_set(path, f"{place}, column {label!r}", value, labels, separator),
        )
        for index, (place, (content, value)) in enumerate(rows_of(path, {"text": text, "label": label}))
    ]


def _label_set(path: Path, place: str, value: Any, labels: Sequence[str], separator: str) -> tuple[int, ...]:
    if isinstance(value, str):
        value = [part for part in value.split(separator) if part.strip()]
    elif not isinstance(value, list):
        value = [] if value is None else [value]
    return tuple(sorted({checked_label(path, place, one, labels) for one in value}))


def read_plain_texts(path: Path, *, text: str) -> list[PlainText]:
    """As `read_table`, of one column."""
    return [
        PlainText(f"{path.stem}:{index}", group_of(checked_text(path, f"{place}, column {text!r}", content)), content)
        for index, (place, (content,)) in enumerate(rows_of(path, {"text": text}))
    ]


def read_labelled_pairs(
    path: Path, *, text: str, text_pair: str, label: str, labels: Sequence[str], judged: bool = True
) -> list[TextPair]:
    """As `read_table`, of two texts; pairs that begin with one text are of one group."""
    return [
        TextPair(
            f"{path.stem}:{index}",
            group_of(first),
            first,
            _class(path, f"{place}, column {label!r}", value, labels, judged),
            second,
        )
        for index, (place, first, second, value) in enumerate(_pairs(path, text, text_pair, {"label": label}, judged))
    ]


def read_scored_pairs(path: Path, *, text: str, text_pair: str, score: str, judged: bool = True) -> list[ScoredPair]:
    """As `read_labelled_pairs`, of two texts and a finite number; 0 stands for what is missing."""
    return [
        ScoredPair(
            f"{path.stem}:{index}",
            group_of(first),
            first,
            second,
            0.0 if value in MISSING and not judged else _number(path, f"{place}, column {score!r}", value),
        )
        for index, (place, first, second, value) in enumerate(_pairs(path, text, text_pair, {"score": score}, judged))
    ]


def _pairs(path: Path, text: str, text_pair: str, gold: Columns, judged: bool) -> Iterator[tuple[str, str, str, Any]]:
    """Place, both texts, and what the one column of ``gold`` holds."""
    columns = {"text": text, "text_pair": text_pair, **gold}
    for place, (first, second, value) in rows_of(path, columns, optional=() if judged else tuple(gold)):
        for column, content in ((text, first), (text_pair, second)):
            checked_text(path, f"{place}, column {column!r}", content)
        yield place, first, second, value


def _number(path: Path, place: str, value: Any) -> float:
    try:
        number = float("nan") if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not math.isfinite(number):
        raise bad_data(path, place, f"is {short(value)}, not a finite number", "correct it, or leave the row out")
    return number


def rows_of(path: Path, columns: Columns, *, optional: Collection[str] = ()) -> Iterator[Row]:
    """Every row of a CSV, JSONL or Parquet file, by its suffix; None in columns that are ``optional`` and not there.

    Raises:
        UserError: no such file, not readable as what its suffix says, or a column that is not there.
    """
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".parquet": _parquet_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(readers)
        raise UserError(f"{path}: the suffix {path.suffix!r} is none of {known}; convert or rename the file")
    return reader(path, columns, optional)


def _csv_rows(path: Path, wanted: Columns, optional: Collection[str]) -> Iterator[Row]:
    rows = csv_rows(path)
    _, columns = next(rows)
    _check_columns(path, columns, wanted, optional)
    indices = [columns.index(column) if column in columns else None for column in wanted.values()]
    for place, row in rows:
        yield place, [None if index is None else row[index] for index in indices]


def _jsonl_rows(path: Path, wanted: Columns, optional: Collection[str]) -> Iterator[Row]:
    for place, record in jsonl_rows(path):
        _check_columns(f"{path}: {place}", list(record), wanted, optional)
        yield place, [record.get(column) for column in wanted.values()]


def _parquet_rows(path: Path, wanted: Columns, optional: Collection[str]) -> Iterator[Row]:
    from harness.data.arrow import pa, pq

    existing_file(path)
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            _check_columns(path, names, wanted, optional)
            groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            if file.metadata.num_rows > LARGEST_TABLE_ROWS or size > LARGEST_TABLE_BYTES:
                raise UserError(
                    f"{path}: {file.metadata.num_rows:,} rows of {size:,} bytes when unpacked, more than the "
                    f"{LARGEST_TABLE_ROWS:,} or {LARGEST_TABLE_BYTES:,} that are read; keep the rows that are needed"
                )
            table = file.read([column for column in dict.fromkeys(wanted.values()) if column in names])
            absent = [None] * len(table)
            rows = zip(*(table[c].to_pylist() if c in names else absent for c in wanted.values()), strict=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as Parquet ({one_line(error)}); fetch the file again") from None
    for number, values in enumerate(rows):
        yield f"row {number}", list(values)


def _check_columns(source: object, columns: Sequence[str], wanted: Columns, optional: Collection[str]) -> None:
    for key, column in wanted.items():
        if columns.count(column) != 1 and not (key in optional and column not in columns):
            if len(columns) == 1 and (other := next((c for c in ";\t|" if c in columns[0]), None)):
                raise UserError(
                    f"{source}: the header has no comma but {other!r}: CSV is read with commas; "
                    "save it again as comma-separated, or as .jsonl or .parquet"
                )
            what = "no column" if column not in columns else "several columns"
            raise UserError(
                f"{source}: {what} {column!r}, the columns are {short(', '.join(map(str, columns)))}; "
                f"name the column with `{key}:` in the config"
            )
