"""Entities: stretches of a sentence's words with a type, as IOB tags write them down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

OUTSIDE = "O"
NO_ENTITIES = "no entities"
"""What a sentence without one is said to have."""

_TO_IOB2 = {"B": "B", "I": "I", "S": "B", "U": "B", "E": "I", "L": "I"}
"""Single (unit) and end (last) of BIOES and BILOU are a begin and an inside of IOB2."""


class Entity(NamedTuple):
    """The words from ``start`` up to, not including, ``end``, counted from 0."""

    type: str
    start: int
    end: int


def entities_of(tags: Sequence[str]) -> list[Entity]:
    """The entities of a sentence, one tag a word, in their order.

    As conlleval and seqeval read IOB2: an entity begins with ``B-``, and also with an ``I-`` behind ``O`` or behind
    another type, which is how IOB1 begins most of them.
    """
    entities: list[Entity] = []
    type_, start = "", 0
    for place, tag in enumerate([*tags, OUTSIDE]):
        prefix, _, own = tag.partition("-")
        if type_ and (prefix != "I" or own != type_):
            entities.append(Entity(type_, start, place))
            type_ = ""
        if not type_ and prefix != OUTSIDE:
            type_, start = own, place
    return entities


def in_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags of IOB1, IOB2, BIOES or BILOU, written in IOB2. Raises `ValueError`, which names the first that is none."""
    simple = []
    for tag in tags:
        prefix, dash, own = tag.partition("-")
        if tag == OUTSIDE:
            simple.append(tag)
        elif dash and own and prefix in _TO_IOB2:
            simple.append(f"{_TO_IOB2[prefix]}-{own}")
        else:
            raise ValueError(tag)
    return tags_of(entities_of(simple), len(simple))


def tags_of(entities: Iterable[Entity], words: int) -> tuple[str, ...]:
    """IOB2 tags of a sentence of that many words; the entities do not overlap."""
    tags = [OUTSIDE] * words
    for type_, start, end in entities:
        tags[start:end] = [f"B-{type_}", *[f"I-{type_}"] * (end - start - 1)]
    return tuple(tags)


def entities_in_words(words: Sequence[str], tags: Sequence[str]) -> str:
    """The entities as people read them, words counted from 1: "Oslo [location 4]; Jo Bo [person 6-7]".

    Two answers are the same exactly where their entities are.
    """
    descriptions = [
        f"{' '.join(words[start:end])} [{type_} {start + 1}{f'-{end}' if end > start + 1 else ''}]"
        for type_, start, end in entities_of(tags)
    ]
    return "; ".join(descriptions) or NO_ENTITIES
