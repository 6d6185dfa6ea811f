"""Layout of a table in a terminal: which columns are shown, how wide, and in how many blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from harness.report.blocks import Table

GAP = 2
"""Cells between two columns."""

NARROWEST_NAME = 16
"""Cells that the names of a table keep when they are folded to spare a second block."""


@dataclass(frozen=True)
class Layout:
    widths: dict[int, int]
    """In cells, by the index of a column that is shown."""
    blocks: tuple[tuple[int, ...], ...]
    """Indices of columns; each block starts with the first column of the table."""
    left_out: tuple[int, ...]


def lay_out(table: Table, room: int, shown: Callable[[str], str] = str) -> Layout:
    """Fit a table into ``room`` cells. ``shown`` is how the terminal writes a text.

    Optional columns are shown as far as they fit beside the others. Names fold before a table is split;
    figures never fold.
    """
    wanted = [_widest(table, i, shown) for i in range(len(table.columns))]
    needed = [i for i, column in enumerate(table.columns) if not column.optional]
    used = sum(wanted[i] + GAP for i in needed) - GAP
    chosen = list(needed)
    for i, column in enumerate(table.columns):
        if column.optional and used + GAP + wanted[i] <= room:
            used += GAP + wanted[i]
            chosen.append(i)
    chosen.sort()
    first = _first(wanted[0], sum(GAP + wanted[i] for i in chosen[1:]), room)
    return Layout(
        {0: first, **{i: wanted[i] for i in chosen[1:]}},
        tuple(_blocks(chosen, wanted, room - first)),
        tuple(i for i in range(len(table.columns)) if i not in chosen),
    )


def folded(name: str, width: int) -> list[str]:
    """A name on lines of ``width`` cells, broken after its punctuation where that is possible."""
    lines = [""]
    for part in re.split(r"(?<=[/@\s#-])", name):
        for piece in chop_cells(part, width) if cell_len(part) > width else [part]:
            if cell_len(lines[-1] + piece.rstrip()) > width:
                lines.append(" " * GAP if cell_len(piece) + GAP <= width else "")
            lines[-1] += piece
    return lines


def _widest(table: Table, index: int, shown: Callable[[str], str]) -> int:
    lines = table.columns[index].heading.split("\n")
    lines += [row.cells[index].text for row in table.rows if index < len(row.cells)]
    return max(cell_len(shown(line)) for line in lines)


def _first(wanted: int, others: int, room: int) -> int:
    """The width of the names' column beside ``others`` cells of figures."""
    if wanted + others <= room:
        return wanted
    if room - others >= min(wanted, NARROWEST_NAME):
        return room - others
    return min(wanted, max(room // 2, 12) if room < 60 else room)


def _blocks(columns: Sequence[int], widths: Sequence[int], room: int) -> list[tuple[int, ...]]:
    blocks: list[list[int]] = [[]]
    used = 0
    for i in columns[1:]:
        if blocks[-1] and used + GAP + widths[i] > room:
            blocks.append([])
            used = 0
        blocks[-1].append(i)
        used += GAP + widths[i]
    return [(columns[0], *block) for block in blocks]
