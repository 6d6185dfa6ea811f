"""Candidates for a word's place: a masked language model's predictions, and which of them may stand there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.attack.vocabulary import CONTINUES

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_PIECE = re.compile(r"[^\W_]+|['-]")


@dataclass(frozen=True)
class Piece:
    """A token in WordPiece's notation and its log-probability."""

    token: str
    score: float

    @property
    def bare(self) -> str:
        return self.token.removeprefix(CONTINUES)

    @property
    def is_word_part(self) -> bool:
        return _PIECE.fullmatch(self.bare) is not None


def combinations(pieces: Sequence[Sequence[Piece]], count: int) -> list[str]:
    """Words from one piece a place: the ``count`` of lowest perplexity, exp(-mean log-probability), best first.

    The places are scored independently, so a prefix outside the best ``count`` cannot come back: a beam of that
    width gives what the full product would.
    """
    best: list[tuple[float, tuple[str, ...]]] = [(0.0, ())]
    for choices in pieces:
        longer = [(score + piece.score, (*row, piece.bare)) for score, row in best for piece in choices]
        best = sorted(longer, key=lambda item: (-item[0], item[1]))[:count]
    return ["".join(row) for _, row in best]


def usable(proposed: Sequence[str], word: str, stop_words: frozenset[str]) -> tuple[str, ...]:
    """Whole words other than ``word`` that are no stop words, each once, in their order."""
    return tuple(
        dict.fromkeys(
            candidate
            for candidate in proposed
            if _WORD.fullmatch(candidate) and candidate.lower() != word.lower() and candidate.lower() not in stop_words
        )
    )
