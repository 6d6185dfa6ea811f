"""The rows of a CSV file with a header, each with its place in the file."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.data.checks import bad_data
from harness.data.files import read_text


def csv_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(place, fields): the header first (empty for an empty first line), then every row that is not blank.

    Raises:
        UserError: not there, not UTF-8, not CSV, or a row of another length than the header.
    """
    limit = csv.field_size_limit(sys.maxsize)  # the default refuses texts of more than 131,072 characters
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        columns = next(reader, [])
        yield "line 1", columns
        previous = reader.line_num
        for row in reader:
            place, previous = f"line {previous + 1}", reader.line_num
            if not row:  # a blank line
                continue
            if len(row) != len(columns):
                what = f"has {len(row)} fields, the header {len(columns)}"
                raise bad_data(path, place, what, "quote fields that hold commas, or mend the line")
            yield place, row
    except csv.Error as error:
        unfinished = "unexpected end" in str(error)
        what = "is not CSV: a quoted field does not end" if unfinished else f"is not CSV ({error})"
        raise bad_data(path, f"line {reader.line_num}", what, "mend the quotes or fetch it again") from None
    finally:
        csv.field_size_limit(limit)
