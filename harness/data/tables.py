"""Texts with labels from CSV, JSONL and Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from backends.errors import one_line
from harness.data.checks import checked_text, group_of, short
from harness.data.csv_rows import csv_rows
from harness.data.files import existing_file
from harness.data.jsonl_rows import jsonl_rows
from harness.data.labels import checked_label
from harness.errors import UserError
from harness.examples import TextExample

Row = tuple[str, Any, Any]
"""(place, text, label)"""


LARGEST_TABLE_ROWS = 20_000_000
LARGEST_TABLE_BYTES = 8 << 30
"""A Parquet file of a few kilobytes can unpack to any size."""


def read_table(path: Path, *, text: str, label: str, labels: Sequence[str]) -> list[TextExample]:
    """Every row of the file, in its order; ``text`` and ``label`` name the two columns that count.

    The id of an example is the file's name and its row's number, from 0.

    Raises:
        UserError: no such file, not readable as what its suffix says, a column that is not there, an
            empty text, or a label that the task does not have.
    """
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".parquet": _parquet_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(readers)
        raise UserError(f"{path}: the suffix {path.suffix!r} is none of {known}; convert or rename the file")
    return [
        TextExample(
            id=f"{path.stem}:{index}",
            group=group_of(checked_text(path, f"{place}, column {text!r}", content)),
            text=content,
            label=checked_label(path, f"{place}, column {label!r}", value, labels),
        )
        for index, (place, content, value) in enumerate(reader(path, text, label))
    ]


def _csv_rows(path: Path, text: str, label: str) -> Iterator[Row]:
    rows = csv_rows(path)
    _, columns = next(rows)
    _check_columns(path, columns, text, label)
    text_index, label_index = columns.index(text), columns.index(label)
    for place, row in rows:
        yield place, row[text_index], row[label_index]


def _jsonl_rows(path: Path, text: str, label: str) -> Iterator[Row]:
    for place, record in jsonl_rows(path):
        _check_columns(f"{path}: {place}", list(record), text, label)
        yield place, record[text], record[label]


def _parquet_rows(path: Path, text: str, label: str) -> Iterator[Row]:
    from harness.arrow import pa, pq

    existing_file(path)
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names, text, label)
            groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            if file.metadata.num_rows > LARGEST_TABLE_ROWS or size > LARGEST_TABLE_BYTES:
                raise UserError(
                    f"{path}: {file.metadata.num_rows:,} rows of {size:,} bytes when unpacked, more than the "
                    f"{LARGEST_TABLE_ROWS:,} or {LARGEST_TABLE_BYTES:,} that are read; keep the rows that are needed"
                )
            table = file.read([text, label])
            rows = zip(table[text].to_pylist(), table[label].to_pylist(), strict=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as Parquet ({one_line(error)}); fetch the file again") from None
    for number, (content, value) in enumerate(rows):
        yield f"row {number}", content, value


def _check_columns(source: object, columns: Sequence[str], text: str, label: str) -> None:
    for key, column in (("text", text), ("label", label)):
        if columns.count(column) != 1:
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
