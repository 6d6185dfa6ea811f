"""Pairs of statements that are more or less alike, and statements among which one answers a question.

A statement is a sentence that tells one fact of an invented entity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from harness.demo.facts import Fact, Kind, Subject
from harness.demo.names import Names
from harness.demo.passages import domain, resembling
from harness.demo.sentences import RARE_WORDS, drawn_value, render, slots_of
from harness.examples.records import CandidateList, PlainText, ScoredPair, TextPair

AGREEMENT = ("agree", "disagree", "unrelated")
"""Two statements tell the same in other words, or something else of the same fact; or else they are of two entities,
or of two facts."""

_OTHER = ("nothing", "value", "entity", "fact", "entity and value", "everything")
"""What the second statement of a pair has other than the first."""
_FOR_LABELS = (4, 4, 1, 1, 1, 1)
"""How often, so that each of `AGREEMENT` is as frequent; where there are scores, each as often."""


@dataclass(frozen=True)
class _Statement:
    """``values`` by slot."""

    entity: Subject
    fact: Fact
    wording: str
    values: Mapping[str, str]

    @property
    def text(self) -> str:
        fixed = {"S": self.entity.name, "N": self.entity.name, "P": self.entity.possessive}
        return render(self.wording, self.entity, fixed, lambda slot, _: self.values[slot]).text


class _Author:
    """Writes statements on entities of one kind; no name and no word comes twice by chance."""

    def __init__(self, kind: Kind, split: str, rng: Random) -> None:
        self._kind, self._rng, self._split = kind, rng, split
        self._names = Names(split, rng)
        self.facts = (kind.opening, *kind.facts)

    def entity(self) -> Subject:
        return self._kind.make(self._names, self._rng, True)

    def other_entity(self, than: Subject) -> Subject:
        """Half of them with a name that resembles."""
        if self._rng.random() < 0.5:
            return replace(than, name=resembling(than, self._kind, self._names, self._rng))
        return self.entity()

    def other_fact(self, than: Fact) -> Fact:
        return self._rng.choice([fact for fact in self.facts if fact is not than])

    def state(self, entity: Subject, fact: Fact) -> _Statement:
        wording = self._rng.choice(fact.sentences)
        values = {slot: self._value(of_type, entity, fact) for slot, of_type in slots_of(wording).items()}
        return _Statement(entity, fact, wording, values)

    def reword(self, statement: _Statement) -> _Statement:
        """In another wording that tells as much, where there is one."""
        slots = statement.values.keys()
        as_much = [wording for wording in statement.fact.sentences if slots_of(wording).keys() == slots]
        others = [wording for wording in as_much if wording != statement.wording]
        return replace(statement, wording=self._rng.choice(others or as_much))

    def contradict(self, statement: _Statement) -> _Statement:
        """With another value in one of its slots."""
        slot, of_type = self._rng.choice(list(slots_of(statement.wording).items()))
        value = statement.values[slot]
        while value == statement.values[slot]:
            value = self._value(of_type, statement.entity, replace(statement.fact, years=(0, 60)))
        return replace(statement, values={**statement.values, slot: value})

    def _value(self, of_type: str, entity: Subject, fact: Fact) -> str:
        years = range(entity.base_year + fact.years[0], entity.base_year + fact.years[1] + 1)
        _, lists = domain(self._split)
        return drawn_value(of_type, years, lists, self._names, self._rng, RARE_WORDS[self._split])


def labelled_pairs(split: str, rng: Random, prefix: str) -> Iterator[TextPair]:
    """Pairs without end, with their class in `AGREEMENT`."""
    for identity, first, second in _pairs(split, rng, prefix, _FOR_LABELS):
        of_one = first.entity.name == second.entity.name and first.fact is second.fact
        label = AGREEMENT.index(("agree" if first.values == second.values else "disagree") if of_one else "unrelated")
        yield TextPair(identity, identity, first.text, label, second.text)


def scored_pairs(split: str, rng: Random, prefix: str) -> Iterator[ScoredPair]:
    """Pairs without end. Their score is 2 for the same entity, 2 for the same fact and 1 for the same values of it, of
    several its share of them."""
    for identity, first, second in _pairs(split, rng, prefix, (1,) * len(_OTHER)):
        score = 2.0 * (first.entity.name == second.entity.name)
        if first.fact is second.fact:
            score += 2 + sum(second.values[slot] == value for slot, value in first.values.items()) / len(first.values)
        yield ScoredPair(identity, identity, first.text, second.text, score)


def similar_texts(split: str, rng: Random, prefix: str) -> Iterator[PlainText | ScoredPair]:
    """The scored pairs; of training their texts alone."""
    for pair in scored_pairs(split, rng, prefix):
        if split == "train":
            yield PlainText(pair.id, pair.group, pair.text)
        else:
            yield pair


def _pairs(
    split: str, rng: Random, prefix: str, weights: tuple[int, ...]
) -> Iterator[tuple[str, _Statement, _Statement]]:
    """With an id each."""
    kinds, _ = domain(split)
    number = 0
    while True:
        kind = rng.choice(kinds)
        author = _Author(kind, split, rng)
        first = author.state(author.entity(), rng.choice(author.facts))
        match rng.choices(_OTHER, weights)[0]:
            case "nothing":
                second = author.reword(first)
            case "value":
                second = author.contradict(author.reword(first))
            case "entity":
                second = replace(author.reword(first), entity=author.other_entity(first.entity))
            case "fact":
                second = author.state(first.entity, author.other_fact(first.fact))
            case "entity and value":
                second = replace(author.contradict(author.reword(first)), entity=author.other_entity(first.entity))
            case _:
                second = _of_another_kind(kind, split, rng)
        yield f"{prefix}-s{number}", first, second
        number += 1


def _of_another_kind(kind: Kind, split: str, rng: Random) -> _Statement:
    kinds, _ = domain(split)
    author = _Author(rng.choice([other for other in kinds if other is not kind]), split, rng)
    return author.state(author.entity(), rng.choice(author.facts))


def candidate_lists(split: str, rng: Random, prefix: str) -> Iterator[CandidateList]:
    """Questions without end, each with eight statements in any order, of which one answers it.

    Three of the others are of the same entity, two of the same fact, and two of neither.
    """
    kinds, _ = domain(split)
    number = 0
    while True:
        kind = rng.choice(kinds)
        author = _Author(kind, split, rng)
        entity, fact = author.entity(), rng.choice(author.facts)
        answer = author.state(entity, fact)
        slot = rng.choice([slot for slot in answer.values if slot in fact.questions])
        question = rng.choice(fact.questions[slot]).format(E=entity.name)
        others = [other for other in author.facts if other is not fact]
        statements = [answer, *(author.state(entity, other) for other in rng.sample(others, 3))]
        statements.append(replace(author.reword(answer), entity=author.other_entity(entity)))
        statements.append(replace(author.contradict(answer), entity=author.other_entity(entity)))
        statements += [_of_another_kind(kind, split, rng) for _ in range(2)]
        identity = f"{prefix}-l{number}"
        ids = [f"{identity}-c{index}" for index in range(len(statements))]
        order = rng.sample(range(len(statements)), len(statements))
        yield CandidateList(
            identity,
            identity,
            question[0].upper() + question[1:],
            relevant=(ids[order.index(0)],),
            grades=(1,),
            candidates=tuple(ids),
            documents=tuple(statements[index].text for index in order),
        )
        number += 1


def candidates_and_pairs(split: str, rng: Random, prefix: str) -> Iterator[CandidateList | ScoredPair]:
    """The lists; of training their pairs, of two without an answer for each with one."""
    for candidates in candidate_lists(split, rng, prefix):
        if split != "train":
            yield candidates
            continue
        pairs = candidates.pairs
        wrong = [pair for pair in pairs if not pair.score]
        yield from (pair for pair in pairs if pair.score)
        yield from rng.sample(wrong, 2)
