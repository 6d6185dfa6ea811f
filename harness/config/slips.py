"""Guess what a misspelt name was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

SAME = {"gpu": "cuda"}
"""Parts of words that people write for ours."""
FORMER = {
    "examples_at_once": "batch_size",
    "longest_answer": "max_answer_length",
    "parity": "verification_examples",
    "queries_at_most": "max_queries",
    "seconds_at_most": "max_seconds",
    "similarity_at_least": "min_similarity",
    "warmup_at_most": "max_warmup_seconds",
    "warmup_seconds": "min_warmup_seconds",
    "words_changed_at_most": "max_words_changed",
}
"""Keys of studies from before 0.1.0 whose letters do not lead to today's."""
CUTOFF = 0.6
"""Of difflib's ratio: twice the letters in common over all letters."""


def meant(word: str, options: Sequence[str]) -> str | None:
    """The option that is closest to ``word``; None where none is close, or its digits are others: fp8 is no fp32."""
    if (today := FORMER.get(word)) in options:
        return today
    for ours in (word.replace(theirs, ours) for theirs, ours in SAME.items()):
        if ours in options:
            return ours
    alike = [option for option in options if _digits(option) == _digits(word)]
    return next(iter(difflib.get_close_matches(word, alike, n=1, cutoff=CUTOFF)), None)


def _digits(word: str) -> list[str]:
    return sorted(filter(str.isdigit, word))
