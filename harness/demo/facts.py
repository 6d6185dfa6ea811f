"""Parts of a passage: kinds of entity, the facts that can be told of them, and words to tell them with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from harness.demo.names import Names

EntityType = Literal["PER", "LOC", "ORG", "MISC"]


@dataclass(frozen=True)
class Subject:
    """Something that a passage tells facts about. ``base_year`` is when its story begins, ``type`` one of CoNLL-2003's
    types of named entities."""

    name: str
    pronoun: str
    possessive: str
    base_year: int
    type: EntityType


@dataclass(frozen=True)
class Fact:
    """One thing that can be told of an entity, in several wordings, and the questions that ask for it.

    A sentence holds ``{S}`` (the entity, as name or pronoun), ``{N}`` (always its name), ``{P}`` (the possessive
    of the entity, or in a link of the passage's first entity) and slots ``{name:type}``, where the type is a word list or one of `town`,
    `person`, `river` and `year`. ``questions`` has the questions of each slot, with
    ``{E}`` for the entity and ``{F}`` for the passage's first one. A wording may leave a slot out: then its question has no answer.
    """

    sentences: tuple[str, ...]
    questions: Mapping[str, tuple[str, ...]]
    years: tuple[int, int] = (0, 60)
    """Span of the slots of type `year`, after the entity's base year."""


@dataclass(frozen=True)
class Kind:
    """A kind of entity. ``link`` introduces a second one beside the first."""

    make: Callable[[Names, Random, bool], Subject]
    """From names, chance, and whether the name must be one of the split's own."""
    opening: Fact
    link: Fact
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class ValuePool:
    """Values of one type: rare ones are seldom in training and more often elsewhere."""

    common: tuple[str, ...]
    rare: tuple[str, ...] = field(default=())


def words(common: str, rare: str = "") -> ValuePool:
    """Both lists separated by commas."""
    return ValuePool(_split(common), _split(rare))


def _split(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
