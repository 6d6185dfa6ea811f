"""The rows of CSV and JSONL files, each with its place in the file."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.data.checks import bad_data, short
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


def jsonl_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, object) of every line that is not blank.

    Raises:
        UserError: not there, not UTF-8, or a line that is no JSON object.
    """
    way_out = "write one object a line"
    # Not splitlines(): a text may hold the other line ends of Unicode.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        place = f"line {number}"
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            what = f"is not JSON ({str(error).splitlines()[0]})"
            raise bad_data(path, place, what, f"{way_out}, or fetch the file again") from None
        if not isinstance(record, dict):
            raise bad_data(path, place, f"is {short(record)}, not an object", way_out)
        yield place, record
