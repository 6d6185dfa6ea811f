"""The passages as a collection: documents, the questions that one of them answers, and the entities in their sentences.

The passages are those of question answering. No two documents are about the same entity: what one answers, no other
does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from harness.demo.passages import FactSpan, Passage, asked_passages
from harness.examples.entities import OUTSIDE
from harness.examples.records import PlainText, Query, TaggedSentence

TAGS = (OUTSIDE, *(f"{prefix}-{type_}" for type_ in ("PER", "LOC", "ORG", "MISC") for prefix in "BI"))
"""Of the words: the types of CoNLL-2003. Books are MISC, as are prizes, languages and ships."""

PASSED_OVER = 10
"""Passages in a row about entities that there have been already; then the names are used up."""

_WORD = re.compile(r"\$?\w+(?:-\w+)*|[^\w\s]")


def document_examples(split: str, rng: Random, prefix: str) -> Iterator[PlainText]:
    """Passages without end."""
    for identity, passage, _ in _documents(split, rng, prefix):
        yield PlainText(identity, identity, passage.text)


def query_examples(split: str, rng: Random, prefix: str) -> Iterator[PlainText | Query]:
    """Questions that one of the passages answers; of training, without their answer, and each passage before its own."""
    for identity, passage, questions in _documents(split, rng, prefix):
        if split == "train":
            yield PlainText(identity, identity, passage.text)
        for index, (question, answer) in enumerate(questions):
            if answer is None:
                continue
            if split == "train":
                yield PlainText(f"{identity}-q{index}", identity, question)
            else:
                yield Query(f"{identity}-q{index}", identity, question, (identity,), (1,))


def tagged_examples(split: str, rng: Random, prefix: str) -> Iterator[TaggedSentence]:
    """The sentences of the passages, in groups of these."""
    for number, (passage, _) in enumerate(asked_passages(split, rng)):
        identity = f"{prefix}-p{number}"
        for index, (start, end) in enumerate(passage.sentences):
            words = [match.span() for match in _WORD.finditer(passage.text, start, end)]
            yield TaggedSentence(
                f"{identity}-s{index}",
                identity,
                tuple(passage.text[begin:stop] for begin, stop in words),
                tuple(_tag(begin, passage) for begin, _ in words),
            )


def _tag(begin: int, passage: Passage) -> str:
    """Of the word that begins there."""
    for (start, end), type_ in passage.named:
        if start <= begin < end:
            return f"{'B' if begin == start else 'I'}-{type_}"
    return OUTSIDE


def _documents(
    split: str, rng: Random, prefix: str
) -> Iterator[tuple[str, Passage, list[tuple[str, FactSpan | None]]]]:
    """With an id each."""
    seen: set[str] = set()
    passed_over = 0
    for number, (passage, questions) in enumerate(asked_passages(split, rng)):
        names = {entity.name for entity in passage.entities}
        if seen.isdisjoint(names) or passed_over == PASSED_OVER:
            seen |= names
            passed_over = 0
            yield f"{prefix}-p{number}", passage, questions
        else:
            passed_over += 1
