"""Rules of a change to a text: where, to what, how many words of it, and how the changed words are joined.

A search and the random swaps beside it keep to the same rules: they differ in what guides them alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from benchmarks.attack.results import Mode
from benchmarks.attack.words import Words, in_case_of, split_words


class Rules(Protocol):
    has_floor: bool
    """Whether an adversarial text has to be similar to the original."""

    def words(self, text: str) -> Words:
        """A text as it is searched: candidates are asked for its ``text`` and ``spans``."""

    def choices(
        self, original: Words, proposed: Sequence[Sequence[str]], stop_words: frozenset[str]
    ) -> dict[int, list[str]]:
        """Of what is ``proposed`` for each word, what may stand in its place, best first; no place without any."""

    def most_words(self, share: float, words: int) -> int:
        """How many of so many words may be changed."""

    def joined(self, text: str) -> str:
        """A text with words changed, as the deployment is asked about it."""


class Corrected:
    """As docs/characteristics.md defines the attack."""

    has_floor = True

    def words(self, text: str) -> Words:
        return split_words(text)

    def choices(
        self, original: Words, proposed: Sequence[Sequence[str]], stop_words: frozenset[str]
    ) -> dict[int, list[str]]:
        """In the case of the word."""
        left_alone = _as_written(stop_words)
        return {
            place: in_case
            for place, (word, candidates) in enumerate(zip(original.words, proposed, strict=True))
            if word not in left_alone and (in_case := _in_case(word, candidates))
        }

    def most_words(self, share: float, words: int) -> int:
        """Rounded down; the margin keeps 0.1 * 30 from falling below 3."""
        return math.floor(share * words + 1e-9)

    def joined(self, text: str) -> str:
        return text


class Reference:
    """As the authors' released code has them: see `reference_search`."""

    has_floor = False

    def words(self, text: str) -> Words:
        """Lower-cased, line ends dropped so that the words around one run together, cut at every blank."""
        words = text.replace("\n", "").lower().split(" ")
        return Words(tuple(words), ("", *[" "] * (len(words) - 1), ""))

    def choices(
        self, original: Words, proposed: Sequence[Sequence[str]], stop_words: frozenset[str]
    ) -> dict[int, list[str]]:
        """The last word is never changed."""
        return {
            place: usable
            for place, (word, candidates) in enumerate(zip(original.words[:-1], proposed, strict=False))
            if word not in stop_words
            and (usable := [one for one in candidates if one != word and "##" not in one and one not in stop_words])
        }

    def most_words(self, share: float, words: int) -> int:
        """The limit is tested before a change is counted: one word more."""
        return int(share * words) + 1

    def joined(self, text: str) -> str:
        """As BertTokenizer.convert_tokens_to_string."""
        return text.replace(" ##", "").strip()


def rules_of(mode: Mode) -> Rules:
    return Reference() if mode == "reference" else Corrected()


@cache
def _as_written(stop_words: frozenset[str]) -> frozenset[str]:
    """Words are compared as they are, as TextAttack does."""
    return frozenset(form for word in stop_words for form in (word, word.capitalize(), word.upper()))


def _in_case(word: str, proposed: Sequence[str]) -> list[str]:
    candidates = (in_case_of(candidate, word) for candidate in proposed)
    return list(dict.fromkeys(candidate for candidate in candidates if candidate != word))
