"""The objects of a JSONL file, each with its place in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.data.checks import bad_data, short
from harness.data.files import read_text


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
