"""The report in a terminal or a pipe, at any width: rich does colour and wrapping, never the meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from harness.report.content import (
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
)

WIDEST_TEXT = 100
"""Sentences longer than this are hard to read, however wide the terminal."""

GAP = 2
INDENT = 2

# the sixteen basic colours: the terminal's theme makes them readable on its background
STYLES: dict[Level, str] = {"chance": "red", "low": "yellow", "high": "green", "floor": "dim", "bad": "bold red"}
FINDING_STYLES = {"failure": "bold red", "warning": "yellow", "result": "bold cyan", "advice": "cyan"}
FINDING_MARKS = {"failure": "FAILED", "warning": "CAUTION", "result": "FOUND", "advice": "NEXT"}

PLAIN = str.maketrans({"–": "-", "—": "-", "·": "-", "→": "->", "±": "+/-", "…": "...", "×": "x", "─": "-"})


class Terminal:
    """Prints content on one console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.encoding = console.encoding
        self.unicode = self.encoding.lower().replace("-", "").startswith("utf")
        self.width = max(console.width, 20)

    def report(self, report: Report) -> None:
        self._line(report.title, "bold")
        if report.subtitle:
            self._prose(report.subtitle, indent=0)
        for section in report.sections:
            self._section(section)

    def _section(self, section: Section) -> None:
        self.console.print()
        if section.part:
            rule = self._safe("─" * max(self.width - cell_len(section.title) - 4, 0))
            self._line(f"── {section.title} {rule}"[: self.width], "bold cyan")
        else:
            self._line(section.title, "bold")
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
                    self._prose(paragraph)
            case Findings():
                self._findings(block)
            case ChangedText():
                self._changed(block)
            case Failures():
                self._failures(block)

    # --- texts -----------------------------------------------------------------------------------

    def _safe(self, text: str) -> str:
        """What the console's encoding can show."""
        if self.unicode:
            return text
        return text.translate(PLAIN).encode(self.encoding, "replace").decode(self.encoding)

    def _text(self, text: str, style: str = "") -> Text:
        # a Text is never parsed as markup, so "[red]" in data stays what it is
        return Text(self._safe(text), style=style)

    def _line(self, text: str, style: str = "") -> None:
        self.console.print(self._text(text, style))

    def _prose(self, text: str | Text, *, indent: int = INDENT, style: str = "") -> None:
        body = text if isinstance(text, Text) else self._text(text, style)
        self.console.print(Padding(body, (0, 0, 0, indent)), width=min(self.width, WIDEST_TEXT))

    def _facts(self, facts: Facts) -> None:
        labels = max((cell_len(label) for label, _ in facts.items), default=0)
        if self.width < labels + 30:
            for label, value in facts.items:
                self._prose(f"{label}: {value}")
            return
        grid = RichTable.grid(padding=(0, GAP, 0, 0))
        grid.add_column(width=labels, style="dim")
        grid.add_column(overflow="fold")
        for label, value in facts.items:
            grid.add_row(self._text(label), self._text(value))
        self.console.print(Padding(grid, (0, 0, 0, INDENT)), width=min(self.width, WIDEST_TEXT + labels))

    def _findings(self, findings: Findings) -> None:
        wide = self.width >= 60
        marks = max(len(mark) for mark in FINDING_MARKS.values())
        for finding in findings.items:
            mark = FINDING_MARKS[finding.kind]
            body = self._text(finding.text)
            if finding.next_step:
                body.append(self._safe(" → ") + self._safe(finding.next_step), style="italic")
            if wide:
                grid = RichTable.grid(padding=(0, GAP, 0, 0))
                grid.add_column(width=marks, style=FINDING_STYLES[finding.kind])
                grid.add_column(overflow="fold")
                grid.add_row(mark, body)
                self.console.print(Padding(grid, (0, 0, 0, INDENT)), width=min(self.width, WIDEST_TEXT + marks))
            else:
                self._prose(Text.assemble((f"{mark} ", FINDING_STYLES[finding.kind]), body))

    def _changed(self, changed: ChangedText) -> None:
        body = Text()
        for index, word in enumerate(changed.words):
            if index:
                body.append(" ")
            if word.before is None:
                body.append(self._safe(word.text), style="dim")
            else:
                body.append(f"[{self._safe(word.before)} -> {self._safe(word.text)}]", style="bold yellow")
        self._prose(changed.label)
        self._prose(body, indent=2 * INDENT)

    def _failures(self, failures: Failures) -> None:
        for failure in failures.items:
            self._prose(failure.what, style="bold red")
            self._prose(failure.reason, indent=2 * INDENT)
            if failure.command:
                # not wrapped: a command is there to be copied
                self.console.print(self._text(f"    $ {failure.command}", "dim"), soft_wrap=True)

    # --- tables ----------------------------------------------------------------------------------

    def _table(self, table: Table) -> None:
        if table.title:
            self._prose(table.title, style="italic")
        room = self.width - INDENT
        columns, left_out = self._that_fit(table, room)
        for index, block in enumerate(self._blocks(table, columns, room)):
            if index:
                self.console.print()
            self._columns(table, block, room)
        for note in table.notes:
            self._prose(note, style="dim")
        if left_out:
            self._prose(f"{left_out} more columns fit a wider terminal.", style="dim")

    def _natural(self, table: Table, index: int) -> int:
        """The width that a column wants."""
        lines = table.columns[index].heading.split("\n")
        lines += [row.cells[index].text for row in table.rows if index < len(row.cells)]
        return max((cell_len(self._safe(line)) for line in lines), default=0)

    def _that_fit(self, table: Table, room: int) -> tuple[list[int], int]:
        """Columns to show: optional ones only as far as they fit into one block."""
        needed = [i for i, column in enumerate(table.columns) if not column.optional]
        shown = list(needed)
        used = sum(self._natural(table, i) + GAP for i in needed) - GAP
        for i, column in enumerate(table.columns):
            if column.optional and used + GAP + self._natural(table, i) <= room:
                used += GAP + self._natural(table, i)
                shown.append(i)
        return sorted(shown), len(table.columns) - len(shown)

    def _blocks(self, table: Table, columns: Sequence[int], room: int) -> Iterable[list[int]]:
        """Columns in blocks that fit, each with the first column; of nearly equal size."""
        first, rest = columns[0], list(columns[1:])
        left = room - min(self._natural(table, first), self._first_at_most(room))
        blocks: list[list[int]] = [[]]
        used = 0
        for i in rest:
            width = GAP + self._natural(table, i)
            if blocks[-1] and used + width > left:
                blocks.append([])
                used = 0
            blocks[-1].append(i)
            used += width
        return [[first, *block] for block in blocks]

    @staticmethod
    def _first_at_most(room: int) -> int:
        """In a narrow terminal the names may take half of it and are folded; figures never are."""
        return max(room // 2, 12) if room < 60 else room

    def _columns(self, table: Table, columns: Sequence[int], room: int) -> None:
        widths = [self._natural(table, i) for i in columns]
        widths[0] = min(widths[0], self._first_at_most(room))
        headings = [table.columns[i].heading.split("\n") for i in columns]
        height = max(len(heading) for heading in headings)
        for line in range(height):
            # headings stand on the line below them, however many lines the others have
            cells = [Cell(h[line - height + len(h)] if line >= height - len(h) else "") for h in headings]
            self._row(table, columns, widths, cells, "bold")
        self._print(self._text("─" * (sum(widths) + GAP * (len(widths) - 1)), "dim"))
        group = ""
        for row in table.rows:
            if row.group != group:
                group = row.group
                self._prose(group, style="cyan")
            self._row(table, columns, widths, [_cell(row, i) for i in columns])

    def _row(
        self, table: Table, columns: Sequence[int], widths: Sequence[int], cells: Sequence[Cell], style: str = ""
    ) -> None:
        first, *folded = chop_cells(self._safe(cells[0].text), widths[0]) or [""]
        line = Text(style=style)
        for position, (i, width, cell) in enumerate(zip(columns, widths, cells, strict=True)):
            text = first if position == 0 else self._safe(cell.text)
            space = " " * (width - cell_len(text))
            gap = " " * GAP if position else ""
            right = table.columns[i].right
            line.append(gap + (space if right else ""))
            line.append(text, style=STYLES[cell.level] if cell.level else "")
            line.append("" if right else space)
        line.rstrip()
        self._print(line)
        for rest in folded:
            self._print(self._text(" " * GAP + rest))

    def _print(self, line: Text) -> None:
        self.console.print(Text(" " * INDENT) + line, no_wrap=True, overflow="ignore", crop=False)


def _cell(row: Row, index: int) -> Cell:
    return row.cells[index] if index < len(row.cells) else Cell("")
