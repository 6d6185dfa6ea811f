"""docs/backends.md: its table of ONNX formats and backends is what the backends say."""

from __future__ import annotations

import re
from pathlib import Path

from backends.registry import unsupported_reason
from exporters.formats import ALL

GUIDE = Path(__file__).parents[2] / "docs" / "backends.md"


def test_the_table_of_formats_is_true() -> None:
    table = re.search(r"\n(\| \| `onnxruntime-cpu`.*?)\n\n", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert table
    header, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table[1].splitlines()]
    backends = [name.strip("`") for name in header[1:]]
    told = {
        (format.strip("`"), backend): cell.startswith("yes")
        for formats, *cells in rows
        for format in formats.split(", ")
        for backend, cell in zip(backends, cells, strict=True)
    }
    onnx = [format.name for format in ALL.values() if format.family == "onnx"]
    assert told == {
        (format, backend): unsupported_reason(backend, format) is None for format in onnx for backend in backends
    }
