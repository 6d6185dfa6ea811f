"""The report as GitHub Markdown, for a file or a pull request; complete, whatever the width."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.report.blocks import (
    Block,
    Cell,
    ChangedText,
    Facts,
    Failures,
    Findings,
    Level,
    Prose,
    Report,
    Section,
    Table,
    in_one_line,
)
from harness.report.printable import printable

FINDING_TITLES = {"failure": "Failed", "warning": "Caution", "result": "Found", "advice": "Next"}
EMPHASIS: dict[Level, str] = {"bad": "**"}

# a lone [3] is no link and a_b no emphasis: left alone, so that the source reads well too
_SPECIAL = re.compile(
    r"([\\`*|~]|\[(?!\d+\][ :,.)]|\d+\]$)|(?<!\d)\]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[#>+-](?=\s))"
)


def to_markdown(report: Report) -> str:
    lines = [f"# {escape(report.title)}", ""]
    if report.subtitle:
        lines += [escape(report.subtitle), ""]
    for section in report.sections:
        lines += _section(section)
    return printable("\n".join(lines).rstrip()) + "\n"


def escape(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    one_line = " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())
    return _SPECIAL.sub(r"\\\1", one_line)


def _section(section: Section) -> Iterable[str]:
    yield from (f"{'#' * (section.level + 1)} {escape(section.title)}", "")
    for block in section.blocks:
        yield from _block(block)


def _block(block: Block) -> Iterable[str]:
    match block:
        case Table():
            yield from _table(block)
        case Facts():
            first, *others = block.items
            # a table needs a heading: the first fact serves
            yield _line(escape(part) for part in first)
            yield "| :--- | :--- |"
            yield from (_line(escape(part) for part in fact) for fact in others)
        case Prose():
            for index, paragraph in enumerate(block.paragraphs):
                yield from ([""] if index else [])
                yield escape(paragraph)
        case Findings():
            for finding in block.items:
                then = f" *{escape(finding.next_step)}*" if finding.next_step else ""
                yield f"- **{FINDING_TITLES[finding.kind]}**: {escape(finding.text)}{then}"
        case ChangedText():
            yield f"{escape(block.label)}"
            yield ""
            yield "> " + " ".join(
                escape(word.text)
                if word.before is None
                else " ".join(part for part in (_around("~~", word.before), _around("**", word.text)) if part)
                for word in block.words
            )
        case Failures():
            for index, failure in enumerate(block.items):
                yield from ([""] if index else [])
                yield f"- **{escape(failure.what)}**: {escape(failure.reason)}"
                yield from (f"  {escape(consequence)}" for consequence in failure.consequences())
                if failure.command:
                    yield from ("", "  ```", f"  {failure.command.replace('```', '` ` `')}", "  ```")
    yield ""


def _around(mark: str, text: str) -> str:
    return f"{mark}{escape(text)}{mark}" if text else ""


def _table(table: Table) -> Iterable[str]:
    if table.title:
        yield from (f"**{escape(table.title)}**", "")
    yield _line(escape(in_one_line(column.heading)) for column in table.columns)
    yield _line("---:" if column.right else ":---" for column in table.columns)
    group = ""
    for row in table.rows:
        if row.group != group:
            group = row.group
            yield _line([f"**{escape(group)}**", *("" for _ in table.columns[1:])])
        yield _line(_cell(cell) for cell in row.cells)
    if notes := table.shown_notes().values():
        yield ""
        yield escape(" ".join(notes))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(cell: Cell) -> str:
    mark = EMPHASIS.get(cell.level, "") if cell.level and cell.text else ""
    return f"{mark}{escape(cell.text)}{mark}"
