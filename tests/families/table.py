"""The table of families in ``docs/exporting.md``, made by ``python -m tests.families``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.families.checkpoints import FAMILIES
from tests.families.verified import FORMATS, Outcomes

GUIDE = Path(__file__).parents[2] / "docs" / "exporting.md"
BEGIN, END = "<!-- families: made by python -m tests.families -->\n", "<!-- /families -->\n"


def row(name: str, found: Outcomes) -> str:
    """A family's line: ``yes`` for a format that passed on all of its backends, otherwise why not."""
    return _line([FAMILIES[name].title, *(_cell(found, format) for format in FORMATS)])


def table(rows: Mapping[str, Outcomes]) -> str:
    """All families, and the reasons of what is left out."""
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}  # families and formats, each once
    for name, found in rows.items():
        for (format, backend), reason in found.items():
            if not backend:
                families, formats = reasons.setdefault(reason, ({}, {}))
                families[FAMILIES[name].title] = formats[_short(format)] = None
    lines = [
        _line(["", *map(_short, FORMATS)]),
        _line(["---"] * (1 + len(FORMATS))),
        *(row(name, found) for name, found in rows.items()),
        "",
        *(
            f"- {', '.join(families)}, {', '.join(formats)}: {reason}."
            for reason, (families, formats) in reasons.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def write_table(rows: Mapping[str, Outcomes]) -> None:
    before, _, rest = GUIDE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    GUIDE.write_text(f"{before}{BEGIN}{table(rows)}{END}{after}", encoding="utf-8")


def _cell(found: Outcomes, format: str) -> str:
    if (format, "") in found:
        return "no"
    failed = [f"fails on {backend}" for (name, backend), reason in found.items() if name == format and reason]
    return ", ".join(failed) or "yes"


def _short(format: str) -> str:
    return f"`{format.removeprefix('onnx-')}`"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
