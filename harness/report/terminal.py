"""The report in a terminal or a pipe, at any width: rich does colour and wrapping, never the meaning."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from harness.report.blocks import (
    SOFT_HYPHEN,
    Block,
    Cell,
    ChangedText,
    Facts,
    Failures,
    Findings,
    Level,
    Prose,
    Report,
    Row,
    Section,
    Table,
    in_one_line,
)
from harness.report.printable import printable
from harness.report.table_layout import GAP, Layout, folded, lay_out

WIDEST_TEXT = 100
"""Longer lines of text are hard to read, however wide the terminal."""

INDENT = 2

# the sixteen basic colours: the terminal's theme makes them readable on its background
STYLES: dict[Level, str] = {
    "chance": "red",
    "low": "yellow",
    "high": "green",
    "floor": "dim",
    "bad": "bold red",
}
FINDING_STYLES = {"failure": "bold red", "warning": "yellow", "result": "bold cyan", "advice": "cyan"}
FINDING_MARKS = {"failure": "FAILED", "warning": "CAUTION", "result": "FOUND", "advice": "NEXT"}

PLAIN = str.maketrans({"\u2013": "-", "→": "->", "±": "+/-", "…": "...", "─": "-"})
"""ASCII for the typography of reports, where the encoding is not UTF-8."""

_NO_BREAK = "\u00a0"
_INSEPARABLE = re.compile(r"(?<=\]) (?=\S)|(?<=\d) (?=%|ms\b|\()|(?<=%:) ")


class Terminal:
    """Prints content on one console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.encoding = console.encoding
        self.unicode = self.encoding.lower().replace("-", "").startswith("utf")
        self.width = max(console.width, 20)

    def report(self, report: Report) -> None:
        self.prose(report.title, indent=0, style="bold")
        if report.subtitle:
            self.prose(report.subtitle, indent=0)
        for section in report.sections:
            self._section(section)

    def _section(self, section: Section) -> None:
        self.console.print()
        if not section.blocks:
            rule = self.safe("─" * max(self.width - cell_len(section.title) - 4, 0))
            line = self.safe(f"── {section.title} {rule}")[: self.width]
            self._print(Text(line.rstrip(), "bold cyan"), indent=0)
        else:
            self.prose(section.title, indent=0, style="bold")
        for index, block in enumerate(section.blocks):
            if index:
                self.console.print()
            self._block(block)

    def _block(self, block: Block) -> None:
        match block:
            case Table():
                self._table(block)
            case Facts():
                self._facts(block)
            case Prose():
                for paragraph in block.paragraphs:
                    self.prose(paragraph)
            case Findings():
                self._findings(block)
            case ChangedText():
                self._changed(block)
            case Failures():
                self._failures(block)

    # --- texts -----------------------------------------------------------------------------------

    def safe(self, text: str) -> str:
        """What the console's encoding can show."""
        text = printable(text.replace(SOFT_HYPHEN, "-"))
        if self.unicode:
            return text
        return text.translate(PLAIN).encode(self.encoding, "replace").decode(self.encoding)

    def text(self, text: str, style: str = "") -> Text:
        # a Text is never parsed as markup, so "[red]" in data stays what it is
        return Text(self.safe(text), style=style)

    def prose(
        self, text: str, *, indent: int = INDENT, style: str = "", hanging: str = "", lines: int | None = None
    ) -> None:
        """Wrapped text; ``hanging`` stands before its first line and indents the others by its width.

        ``lines``: how many there may be; what is cut ends in an ellipsis.
        """
        margin = indent + cell_len(hanging)
        wrapped = self.wrapped(text, max(min(self.width, WIDEST_TEXT) - margin, 10))
        if lines is not None and len(wrapped) > lines:
            room = max(min(self.width, WIDEST_TEXT) - margin, 10) - 4
            last = wrapped[lines - 1]
            if len(last) > room:
                last = last[:room].rpartition(" ")[0] or last[:room]  # a word is not cut, unless it fills the line
            wrapped = [*wrapped[: lines - 1], f"{last.rstrip(' ,;')} {self.safe('…')}"]
        for index, line in enumerate(wrapped or [""]):
            before = " " * indent + hanging if index == 0 else " " * margin
            self._print(Text(before, style=style) + Text(line, style=style), indent=0)

    def wrapped(self, text: str, width: int) -> list[str]:
        """Lines of at most ``width`` cells; a number keeps its unit, a [n] its name."""
        text = self.safe(text)
        if cell_len(text) != len(text):
            return [line.plain.rstrip() for line in Text(text).wrap(self.console, width)]
        text = _INSEPARABLE.sub(_NO_BREAK, text)
        lines = textwrap.wrap(text, width, break_on_hyphens=False)
        return [line.replace(_NO_BREAK, " ").rstrip() for line in lines]

    def _facts(self, facts: Facts) -> None:
        labels = max((cell_len(label) for label, _ in facts.items), default=0)
        if self.width < labels + 30:
            for label, value in facts.items:
                self.prose(f"{label}: {value}")
            return
        for label, value in facts.items:
            self.prose(value, hanging=self.safe(label) + " " * (labels - cell_len(label) + GAP))

    def _findings(self, findings: Findings) -> None:
        marks = max(len(mark) for mark in FINDING_MARKS.values())
        margin = INDENT + marks + GAP if self.width >= 60 else INDENT
        for index, finding in enumerate(findings.items):
            if index and margin == INDENT:
                self.console.print()
            mark = FINDING_MARKS[finding.kind]
            lines = self.wrapped(finding.text, min(self.width, WIDEST_TEXT) - margin)
            if margin == INDENT:
                self._print(Text(mark, FINDING_STYLES[finding.kind]))
                self.prose(finding.text)
            else:
                for number, line in enumerate(lines):
                    before = f"{mark if number == 0 else '':<{marks + GAP}}"
                    self._print(Text.assemble((before, FINDING_STYLES[finding.kind]), line))
            if finding.next_step:
                self.prose(finding.next_step, indent=margin, hanging=self.safe("→ "), style="italic")

    def _changed(self, changed: ChangedText) -> None:
        self.prose(changed.label)
        room = max(min(self.width, WIDEST_TEXT) - 2 * INDENT, 10)
        line = Text()
        for word in changed.words:
            if word.before is None:
                piece = self.text(word.text, "dim")
            else:
                # one piece: a change is not torn apart where it fits on a line
                piece = self.text(f"[{word.before} -> {word.text}]", "bold yellow")
            if line and line.cell_len + 1 + piece.cell_len > room:
                self._print(line, indent=2 * INDENT)
                line = Text()
            while piece.cell_len > room:
                head, piece = piece.divide([room])
                self._print(head, indent=2 * INDENT)
            line.append(" " if line else "").append_text(piece)
        self._print(line, indent=2 * INDENT)

    def _failures(self, failures: Failures) -> None:
        for failure in failures.items:
            self.prose(failure.what, style="bold red")
            self.prose(failure.reason, indent=2 * INDENT)
            if failure.command:
                # not wrapped: a command is there to be copied
                self.console.print(self.text(f"    $ {failure.command}", "dim"), soft_wrap=True)
            for consequence in failure.consequences():
                self.prose(consequence, indent=2 * INDENT)

    # --- tables ----------------------------------------------------------------------------------

    def _table(self, table: Table) -> None:
        if table.title:
            self.prose(table.title, style="italic")
        layout = lay_out(table, self.width - INDENT, self.safe)
        for index, block in enumerate(layout.blocks):
            if index:
                self.console.print()
            self._columns(table, block, layout)
        for note in table.shown_notes(layout.widths).values():
            self.prose(note, style="dim")
        if layout.left_out:
            headings = ", ".join(in_one_line(table.columns[i].heading) for i in layout.left_out)
            self.prose(f"{len(layout.left_out)} more in a wider terminal: {headings}.", style="dim")

    def _columns(self, table: Table, columns: Sequence[int], layout: Layout) -> None:
        widths = [layout.widths[i] for i in columns]
        headings = [table.columns[i].heading.split("\n") for i in columns]
        height = max(len(heading) for heading in headings)
        for line in range(height):
            # headings stand on the line below them, however many lines the others have
            cells = [Cell(h[line - height + len(h)] if line >= height - len(h) else "") for h in headings]
            self._row(table, columns, widths, cells, "bold")
        self._print(self.text("─" * (sum(widths) + GAP * (len(widths) - 1)), "dim"))
        group = ""
        for row in table.rows:
            if row.group != group:
                group = row.group
                self.prose(group, style="cyan")
            self._row(table, columns, widths, [_cell(row, i) for i in columns])

    def _row(
        self,
        table: Table,
        columns: Sequence[int],
        widths: Sequence[int],
        cells: Sequence[Cell],
        style: str = "",
    ) -> None:
        first, *others = folded(self.safe(cells[0].text), widths[0])
        line = Text(style=style)
        for position, (i, width, cell) in enumerate(zip(columns, widths, cells, strict=True)):
            text = first if position == 0 else self.safe(cell.text)
            space = " " * (width - cell_len(text))
            gap = " " * GAP if position else ""
            right = table.columns[i].right
            line.append(gap + (space if right else ""))
            line.append(text, style=STYLES[cell.level] if cell.level else "")
            line.append("" if right else space)
        line.rstrip()
        self._print(line)
        for rest in others:
            self._print(self.text(rest))

    def _print(self, line: Text, *, indent: int = INDENT) -> None:
        self.console.print(Text(" " * indent) + line, no_wrap=True, overflow="ignore", crop=False)


def _cell(row: Row, index: int) -> Cell:
    return row.cells[index] if index < len(row.cells) else Cell("")
