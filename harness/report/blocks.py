"""The content of a report, free of any output format: what every renderer is given."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
from typing import Literal

Level = Literal["chance", "low", "high", "floor", "bad"]
"""What a figure means: at chance level, little agreement, much agreement, within the noise floor, a fault.
Renderers may colour it; the text alone must say enough."""


@dataclass(frozen=True)
class Cell:
    text: str
    level: Level | None = None


@dataclass(frozen=True)
class Column:
    """A column's heading. A line break puts the unit below the name; a soft hyphen before it parts a word."""

    heading: str
    right: bool = True
    optional: bool = False
    """May be left out where the terminal is too narrow; a file always has it."""


SOFT_HYPHEN = "\u00ad"


def in_one_line(heading: str) -> str:
    """A column's heading without its line breaks."""
    return heading.replace(f"{SOFT_HYPHEN}\n", "").replace("-\n", "-").replace("\n", " ")


@dataclass(frozen=True)
class Row:
    cells: tuple[Cell, ...]
    group: str = ""
    """Rows in sequence with the same group stand under it as a heading."""


@dataclass(frozen=True)
class About:
    """What a note says of columns, by their headings: left out where none of them is shown."""

    headings: tuple[str, ...]
    text: str


Note = str | tuple[str | About, ...]


@dataclass(frozen=True)
class Table:
    """Rows under columns; the first column names the row and is repeated where a table is split."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Note, ...] = ()

    def shown_notes(self, shown: Collection[int] | None = None) -> dict[Note, str]:
        """The text of each note that says anything, where the columns of these places are ``shown``: all, if None."""
        headings = {one.heading for place, one in enumerate(self.columns) if shown is None or place in shown}
        texts = {note: _text(note, headings) for note in self.notes}
        return {note: text for note, text in texts.items() if text}


def _text(note: Note, headings: Set[str]) -> str:
    pieces = (note,) if isinstance(note, str) else note
    texts = (
        piece if isinstance(piece, str) else "" if headings.isdisjoint(piece.headings) else piece.text
        for piece in pieces
    )
    return " ".join(filter(None, texts))


@dataclass(frozen=True)
class Facts:
    """Labels with their values, such as the machine's."""

    items: tuple[tuple[str, str], ...]
    """At least one."""


@dataclass(frozen=True)
class Prose:
    paragraphs: tuple[str, ...]


FindingKind = Literal["failure", "warning", "result", "advice"]


@dataclass(frozen=True)
class Finding:
    """One thing that stands out, in words, and what to do about it."""

    kind: FindingKind
    rule: str
    """The rule's name, stable, for programs."""
    text: str
    next_step: str = ""
    deployments: tuple[str, ...] = ()
    """Full names of the deployments that it is about."""


@dataclass(frozen=True)
class Findings:
    items: tuple[Finding, ...]


@dataclass(frozen=True)
class Word:
    """A piece of a text: unchanged (``before`` is None) or put in the place of ``before``."""

    text: str
    before: str | None = None


@dataclass(frozen=True)
class ChangedText:
    """A text with its changed words, and what it is."""

    label: str
    words: tuple[Word, ...]


@dataclass(frozen=True)
class FailureItem:
    what: str
    reason: str
    command: str
    """Reproduces it; empty when there is none."""
    alike: tuple[str, ...] = ()
    """Other steps that failed for the same reason."""
    in_consequence: tuple[str, ...] = ()
    """What could not be done because of it."""

    def consequences(self) -> tuple[str, ...]:
        """The last two as sentences, long lists cut."""
        parts = (("Failed for the same reason", self.alike), ("Not done because of it", self.in_consequence))
        return tuple(f"{label}: {_first_few(names)}." for label, names in parts if names)


LISTED_AT_MOST = 6


def _first_few(names: tuple[str, ...]) -> str:
    more = len(names) - LISTED_AT_MOST
    shown = names if more <= 1 else (*names[:LISTED_AT_MOST], f"and {more} more")
    return ", ".join(shown)


@dataclass(frozen=True)
class Failures:
    items: tuple[FailureItem, ...]


Block = Table | Facts | Prose | Findings | ChangedText | Failures


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple[Block, ...]
    level: Literal[1, 2] = 1
    """2: belongs to the task whose section of level 1, with no blocks of its own, stands above."""


@dataclass(frozen=True)
class Report:
    title: str
    subtitle: str
    sections: tuple[Section, ...]
