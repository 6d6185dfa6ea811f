"""Sentences: one wording of a fact, filled in, with what stands where in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from string import Formatter

from harness.demo.facts import EntityType, Subject, ValuePool
from harness.demo.names import Names

RARE_WORDS = {"train": 0.04, "evaluation": 0.25, "out-of-distribution": 0.25}
"""How often a value comes from the rare words of its type."""

PRONOUNS = frozenset({"He", "She", "It", "The firm", "The club", "The vessel"})

NAMED: Mapping[str, EntityType] = {
    "person": "PER",
    "town": "LOC",
    "river": "LOC",
    "mountain": "LOC",
    "prize": "MISC",
    "language": "MISC",
}
"""Types of slots whose values are named entities."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Sentence:
    """``slots`` has the span of each slot, ``named`` those of the named entities with their types."""

    text: str
    slots: Mapping[str, Span]
    named: tuple[tuple[Span, EntityType], ...] = field(default=())


def slots_of(sentence: str) -> dict[str, str]:
    """The type of each slot of a wording, in their order."""
    return {name: of_type for _, name, of_type, _ in Formatter().parse(sentence) if name is not None and of_type}


def render(sentence: str, entity: Subject, fixed: Mapping[str, str], value: Callable[[str, str], str]) -> Sentence:
    """The wording, capitalised; ``fixed`` fills S, N and P, and ``value``, of name and type, the slots."""
    text = ""
    slots: dict[str, Span] = {}
    named: list[tuple[Span, EntityType]] = []
    for literal, name, of_type, _ in Formatter().parse(sentence):
        text += literal
        if name is None:
            continue
        if of_type:
            filled = value(name, of_type)
            if text.endswith(" a ") and filled[0] in "aeiou":
                text = text[:-1] + "n "
            slots[name] = (len(text), len(text) + len(filled))
        else:
            filled = fixed[name]
            if text and filled in PRONOUNS:
                filled = filled.lower()
        entity_type = NAMED.get(of_type) if of_type else entity.type if filled == entity.name else None
        if entity_type is not None:
            start = len(text) + len("the ") * filled.startswith("the ")
            named.append(((start, len(text) + len(filled)), entity_type))
        text += filled
    return Sentence(text[0].upper() + text[1:], slots, tuple(named))


def drawn_value(
    of_type: str, years: range, lists: Mapping[str, ValuePool], names: Names, rng: Random, rare: float
) -> str:
    """A value for a slot: a name, a year, or a word of ``lists``, a rare one as often as ``rare`` says."""
    match of_type:
        case "town":
            return names.town()
        case "person":
            return names.person()
        case "river":
            return names.river()
        case "year":
            return str(rng.choice(years))
    values = lists[of_type]
    return names.fresh(values.rare if values.rare and rng.random() < rare else values.common)
