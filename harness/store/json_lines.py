"""Files of JSON lines that are written as work goes on, and read again after a kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def append_line(path: Path, value: object) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def whole_lines(path: Path) -> list[Any]:
    """The values so far; none without the file. A kill may have left half of the last line: it is cut off."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]
