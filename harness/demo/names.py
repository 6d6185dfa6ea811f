"""Invented names, and which split may use which.

A name is common to all splits or belongs to one, by its CRC-32: nothing is stored, and the same name
falls on the same side for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from zlib import crc32


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WOMEN = _words(
    "Ada Agnes Alma Anna Astrid Beata Bertha Cecilia Clara Cora Dagmar Dora Edith Elin Ella Elsa Emma "
    "Esther Eva Frida Greta Hanna Hedda Helena Hilda Ida Inga Irma Jana Johanna Judith Julia Karin Klara "
    "Laura Lena Lydia Magda Maria Marta Matilda Mina Nora Olga Paula Petra Rosa Ruth Sara Selma Sofia "
    "Stella Tilda Ursula Vera Viola Wanda"
)
MEN = _words(
    "Adam Albert Anders Anton Arnold August Axel Benno Bruno Carl Casper Daniel Edgar Edvin Elias Emil "
    "Erik Ernst Felix Frank Georg Gregor Gustav Hans Harald Henrik Hugo Isak Ivan Jakob Jan Johan Jonas "
    "Josef Julius Karl Klaus Konrad Lars Leo Linus Lorenz Lukas Magnus Martin Max Nils Olaf Oskar Otto "
    "Paul Peter Rolf Samuel Simon Stefan Sven Theo Tomas Viktor Walter"
)
STEMS = _words(
    "Al Bar Bel Bren Cal Cor Dal Dor Dun Ed Fal Far Fen Gar Gil Gor Hal Har Hel Hol Ker Lam Lan Lor Mal "
    "Mar Mel Mor Nor Os Pel Per Quil Ran Ros Sal Sel Tam Tel Thor Tor Ul Val Ver Wal Wen Win Yar Zel"
)
SURNAME_ENDS = _words(
    "back berg by dahl den der ek feld gren hart ing ler lin lund man mer ner ova quist sen ster ton vik"
)
TOWN_ENDS = _words(
    "borg bridge burn bury by dale field ford ham haven holm ley minster mouth stad stead stow wick worth"
)
RIVER_ENDS = _words("a en ia o ow une")

SPLIT_SHARES = {"train": range(50, 72), "evaluation": range(72, 90), "out-of-distribution": range(90, 100)}
"""Of a hundred names, by hash, those that one split keeps for itself; the first fifty are everybody's."""


def belongs(name: str, split: str) -> bool:
    """Whether only ``split`` may use the name."""
    return _bucket(name) in SPLIT_SHARES[split]


def _is_shared(name: str) -> bool:
    return _bucket(name) < 50


def _bucket(name: str) -> int:
    return crc32(name.encode()) % 100


class Names:
    """Draws the names of one passage: no name twice, and none of another split."""

    def __init__(self, split: str, rng: Random) -> None:
        self._split = split
        self._rng = rng
        self._used: set[str] = set()

    def surname(self, *, own: bool = False) -> str:
        """A surname that this split may use; ``own`` asks for one that only this split uses."""
        return self._draw(lambda: self._rng.choice(STEMS) + self._rng.choice(SURNAME_ENDS), own=own)

    def town(self, *, own: bool = False) -> str:
        """A town that this split may use; ``own`` asks for one that only this split uses."""
        return self._draw(lambda: self._rng.choice(STEMS) + self._rng.choice(TOWN_ENDS), own=own)

    def river(self) -> str:
        return self._draw(lambda: self._rng.choice(STEMS) + self._rng.choice(RIVER_ENDS))

    def given(self, *, woman: bool) -> str:
        return self.fresh(WOMEN if woman else MEN)

    def person(self) -> str:
        return f"{self.given(woman=self._rng.random() < 0.5)} {self.surname()}"

    def fresh(self, choices: Sequence[str]) -> str:
        """One of ``choices`` that this passage has not had yet."""
        left = [choice for choice in choices if choice not in self._used]
        if not left:
            raise ValueError(f"a passage uses up all of its {len(choices)} words")
        chosen = self._rng.choice(left)
        self._used.add(chosen)
        return chosen

    def _draw(self, propose: Callable[[], str], *, own: bool = False) -> str:
        while True:
            name = propose()
            allowed = belongs(name, self._split) or (not own and _is_shared(name))
            if allowed and name not in self._used:
                self._used.add(name)
                return name
