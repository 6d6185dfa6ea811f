"""Files of JSON lines that are written as work goes on, and read again after a kill."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def append_line(path: Path, value: object) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def write_lines(path: Path, values: Iterable[object]) -> None:
    """One value after the other: of many, no more than one is in memory."""
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(json.dumps(value) + "\n")


def read_lines(path: Path) -> Iterator[Any]:
    """The values so far, one at a time; none without the file.

    A kill may have left half of a last line: it is cut off.
    """
    if not path.exists():
        return
    end = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            yield json.loads(line)
    if end < path.stat().st_size:
        with path.open("rb+") as file:
            file.truncate(end)
