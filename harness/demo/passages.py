"""Passages on two invented entities each, with questions that they answer and questions that they do not.

A question without an answer looks like the others. It asks for what the passage tells of the other
entity only, for what it leaves out, or for an entity whose name resembles one of the passage's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from harness.demo import encyclopaedia, news
from harness.demo.facts import EntityType, Fact, Kind, Subject, ValuePool
from harness.demo.names import Names
from harness.demo.sentences import RARE_WORDS, Span, drawn_value, render
from harness.examples.records import QuestionExample

QUESTIONS_A_PASSAGE = 5
UNANSWERABLE_SHARE = 0.4
SAME_FACT_SHARE = 0.15
"""How often both entities of a passage have the same fact told, so that only the name tells which is asked for."""
STRANGER_SHARE = 0.1
"""Of the questions without an answer: those on an entity that the passage does not have."""
OTHERS_FACT_SHARE = 0.15
"""Of the rest: those on a fact that the passage tells of the other entity only."""


@dataclass(frozen=True)
class FactSpan:
    """An answer in the passage: what it tells (``fact``'s ``slot``) of whom, and where it stands."""

    entity: Subject
    fact: Fact
    slot: str
    start: int
    end: int


@dataclass(frozen=True)
class Passage:
    text: str
    entities: tuple[Subject, Subject]
    facts: tuple[FactSpan, ...]
    sentences: tuple[Span, ...]
    named: tuple[tuple[Span, EntityType], ...]
    """Named entities with their types."""


def question_examples(split: str, rng: Random, prefix: str) -> Iterator[QuestionExample]:
    """Questions without end, passage by passage; ids and groups begin with ``prefix``."""
    for number, (passage, questions) in enumerate(asked_passages(split, rng)):
        group = f"{prefix}-p{number}"
        for index, (question, answer) in enumerate(questions):
            yield QuestionExample(
                id=f"{group}-q{index}",
                group=group,
                question=question,
                context=passage.text,
                answers=(passage.text[answer.start : answer.end],) if answer else (),
                answer_starts=(answer.start,) if answer else (),
            )


def asked_passages(split: str, rng: Random) -> Iterator[tuple[Passage, list[tuple[str, FactSpan | None]]]]:
    """Passages without end, each with its questions, and with each the answer or None."""
    kinds, lists = domain(split)
    while True:
        kind = rng.choice(kinds)
        names = Names(split, rng)
        passage = _write(kind, lists, names, rng, RARE_WORDS[split])
        yield passage, _questions(passage, kind, names, rng)


def domain(split: str) -> tuple[Sequence[Kind], Mapping[str, ValuePool]]:
    """What the passages of a split are about, and the words of their slots."""
    if split == "out-of-distribution":
        return news.KINDS, news.WORDS
    return encyclopaedia.KINDS, encyclopaedia.WORDS


def _write(kind: Kind, lists: Mapping[str, ValuePool], names: Names, rng: Random, rare: float) -> Passage:
    first, second = kind.make(names, rng, True), kind.make(names, rng, False)
    of_first = rng.sample(kind.facts, 2 if rng.random() < 0.7 else 3)
    others = [fact for fact in kind.facts if fact not in of_first]
    of_second = [rng.choice(of_first if rng.random() < SAME_FACT_SHARE else others)]
    text, answers = "", []
    sentences: list[Span] = []
    named: list[tuple[Span, EntityType]] = []
    plan = [(first, kind.opening), *((first, fact) for fact in of_first)]
    plan += [(second, kind.link), *((second, fact) for fact in of_second)]
    previous: tuple[Subject, Fact] | None = None
    for entity, fact in plan:
        # After a link a pronoun might mean either of the two entities.
        follows = previous is not None and previous[0] is entity and previous[1] is not kind.link
        subject = entity.pronoun if follows and rng.random() < 0.45 else entity.name
        possessive = first.possessive if fact is kind.link else entity.possessive
        text += " " if text else ""
        sentence = rng.choice(fact.sentences)
        years = range(entity.base_year + fact.years[0], entity.base_year + fact.years[1] + 1)

        def value(_: str, of_type: str, years: range = years) -> str:
            return drawn_value(of_type, years, lists, names, rng, rare)

        rendered = render(sentence, entity, {"S": subject, "N": entity.name, "P": possessive}, value)
        begin = len(text)
        answers += [
            FactSpan(entity, fact, slot, begin + start, begin + end)
            for slot, (start, end) in rendered.slots.items()
            if slot in fact.questions
        ]
        named += [((begin + start, begin + end), of_type) for (start, end), of_type in rendered.named]
        text += rendered.text
        sentences.append((begin, len(text)))
        previous = (entity, fact)
    return Passage(text, (first, second), tuple(answers), tuple(sentences), tuple(named))


def _questions(passage: Passage, kind: Kind, names: Names, rng: Random) -> list[tuple[str, FactSpan | None]]:
    """Each question of the passage, with its answer or None."""
    questions: list[tuple[str, FactSpan | None]] = []
    asked: set[str] = set()
    entity_slots = {(t.entity.name, t.slot) for t in passage.facts}
    while len(questions) < QUESTIONS_A_PASSAGE:
        answerable = rng.random() >= UNANSWERABLE_SHARE
        answer: FactSpan | None = None
        if answerable:
            answer = rng.choice(passage.facts)
            entity, template = answer.entity.name, rng.choice(answer.fact.questions[answer.slot])
        elif rng.random() < STRANGER_SHARE:
            basis = rng.choice(passage.facts)
            entity = resembling(basis.entity, kind, names, rng)
            template = rng.choice(basis.fact.questions[basis.slot])
        else:
            subject, fact, slot = _left_out(passage, kind, entity_slots, rng)
            entity, template = subject.name, rng.choice(fact.questions[slot])
        question = template.format(E=entity, F=passage.entities[0].name)
        if question not in asked:
            asked.add(question)
            questions.append((question[0].upper() + question[1:], answer))
    return questions


def _left_out(
    passage: Passage, kind: Kind, entity_slots: set[tuple[str, str]], rng: Random
) -> tuple[Subject, Fact, str]:
    """Something that the passage does not tell of one of its entities; perhaps it does of the other."""
    entity = rng.choice(passage.entities)
    missing = [
        (fact, slot) for fact in kind.facts for slot in fact.questions if (entity.name, slot) not in entity_slots
    ]
    other_tells = {t.slot for t in passage.facts if t.entity is not entity}
    tempting = [(fact, slot) for fact, slot in missing if slot in other_tells]
    untold = [(fact, slot) for fact, slot in missing if slot not in other_tells]
    fact, slot = rng.choice(tempting if tempting and rng.random() < OTHERS_FACT_SHARE else untold or missing)
    return entity, fact, slot


def resembling(entity: Subject, kind: Kind, names: Names, rng: Random) -> str:
    """The name of an entity that the passage does not have; of two words, one may be the same."""
    stranger = kind.make(names, rng, rng.random() < 0.5).name
    if rng.random() < 0.5:
        head, _, _ = entity.name.rpartition(" ")
        return f"{head} {stranger.rpartition(' ')[2]}".strip()
    return stranger
