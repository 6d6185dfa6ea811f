"""A text as words that can be replaced: immutable, split once, joined again exactly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

Span = tuple[int, int]

# TextAttack's words (0.3.11, words_from_text): word characters, three look-alikes of letters that are none, and
# what may stand inside a word but not at its edge.
_INSIDE = "'-_*@"
_RUN = re.compile(rf"[\w\u02d7`\u00d7{re.escape(_INSIDE)}]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Words:
    """``gaps[0] + words[0] + gaps[1] + ... + gaps[-1]`` is the text.

    TextAttack's AttackedText searches and splits the text again for every change, which takes most of its time, cuts
    a text that contains its ``<SPLIT>`` mark, and may count other words in the changed text. Runs of Chinese, which
    it has jieba cut, are one word here: stop words and candidates are English.
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        parts = [""] * (2 * len(self.words) + 1)
        parts[::2], parts[1::2] = self.gaps, self.words
        return "".join(parts)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """(start, end) of each word in ``text``, in characters."""
        spans, at = [], 0
        for gap, word in zip(self.gaps, self.words, strict=False):
            start = at + len(gap)
            at = start + len(word)
            spans.append((start, at))
        return tuple(spans)

    def replace(self, place: int, word: str) -> Words:
        return Words((*self.words[:place], word, *self.words[place + 1 :]), self.gaps)

    def texts_with(self, place: int, words: Sequence[str]) -> list[str]:
        """The text once with each of ``words`` in that place."""
        start, end = self.spans[place]
        before, after = self.text[:start], self.text[end:]
        return [before + word + after for word in words]


def split_words(text: str) -> Words:
    words: list[str] = []
    gaps: list[str] = []
    end = 0
    for match in _RUN.finditer(text):
        run = match.group()
        word = run.strip(_INSIDE)
        if word:
            start = match.start() + len(run) - len(run.lstrip(_INSIDE))
            gaps.append(text[end:start])
            words.append(word)
            end = start + len(word)
    return Words(tuple(words), (*gaps, text[end:]))


def in_case_of(word: str, model: str) -> str:
    """``word`` in lower case, in upper case or capitalised if ``model`` is, else as it is (TextAttack's rule)."""
    if model.islower():
        return word.lower()
    if model.isupper() and len(model) > 1:
        return word.upper()
    if model[0].isupper() and model[1:].islower():
        return word.capitalize()
    return word


def without_surrogates(text: str) -> str:
    """Lone surrogates cannot be encoded; a stand-in of one character each keeps every offset."""
    return _SURROGATE.sub("\ufffd", text)


@cache
def stop_words() -> frozenset[str]:
    """English function words, in lower case: an attack neither changes them nor puts them in."""
    text = resources.files(__package__).joinpath("stop_words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
