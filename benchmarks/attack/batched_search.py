"""Many searches at once: each round answers what all of them ask, in one call a kind of request.

Searches go in groups of fixed size and order, and a group ends before the next begins. So what shares a batch with
what is settled by the examples alone, and a deployment whose scores depend on their neighbours (INT8 with dynamic
scales) gives the same results however often the run was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count, islice
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.requests import (
    OutOfBudget,
    Proposals,
    Request,
    Scores,
    Search,
    Similarities,
)
from benchmarks.attack.words import Span

Result = TypeVar("Result")
Float = NDArray[np.float64]

DECIMALS = 6
"""Scores are rounded to this: what differs less is a tie, and ties go to the first. Batches of other composition may
move a float32 probability by some 1e-7, and must not choose the word."""

TEXTS_A_CALL = 4096
CHARACTERS_A_CALL = 8_000_000


@dataclass(frozen=True)
class Handlers:
    """Who answers: ``score`` all texts of a round, few calls a round; the others one request at a time."""

    score: Callable[[Sequence[str]], Float]
    propose: Callable[[str, Sequence[Span]], Sequence[Sequence[str]]]
    compare: Callable[[str, Sequence[str]], Float] | None = None


@dataclass(frozen=True)
class Round:
    """What was decided and answered in a round: sent to the same searches again, it leads to the same place."""

    stopped: tuple[int, ...]
    """Places in the group of the searches that were out of budget: by the clock, that cannot be decided twice."""
    asked: str
    """Digest of the texts, in order: what answers other texts is not taken for theirs."""
    scores: Float
    """(texts, columns)"""


class Recorder(Protocol):
    """Keeps each round of a group, so that a stopped group goes on where it was."""

    def recall(self) -> Sequence[Round]:
        """What was kept of the group that begins, in order."""

    def keep(self, number: int, made: Round) -> None:
        """``made`` is the group's round ``number``, from 0. What was kept as that or a later one is dropped."""


@dataclass(frozen=True)
class Budget:
    queries: int | None = None
    seconds: float | None = None


@dataclass
class _Running(Generic[Result]):
    """A search, what it asks for now, and what the deployment has said about its texts."""

    search: Search[Result]
    began: float = field(default_factory=lambda: time.monotonic())
    request: Request | None = None
    known: dict[bytes, Float] = field(default_factory=dict)
    outcome: Result | None = None
    queries: int = 0

    def go_on(self, answer: Any = None) -> None:
        self._step(lambda: self.search.send(answer))

    def stop(self) -> None:
        self._step(lambda: self.search.throw(OutOfBudget()))

    def _step(self, step: Callable[[], Request]) -> None:
        try:
            self.request = step()
        except StopIteration as end:
            self.request, self.outcome = None, end.value
            self.queries = len(self.known)
            self.known.clear()


def batched_search(
    searches: Iterable[Search[Result]],
    answers: Handlers,
    *,
    batch_size: int,
    budget: Budget | None = None,
    recorder: Recorder | None = None,
    on_round: Callable[[int], None] | None = None,
) -> Iterator[list[tuple[Result, int]]]:
    """Yield each group's findings, in the order of its ``batch_size`` searches, and how many texts each asked about.

    A text that a search has asked about before is not asked again, nor counted. ``on_round`` is told how many of the
    group are done.
    """
    waiting = iter(searches)
    while group := list(islice(waiting, batch_size)):
        yield _run_group([_Running(search) for search in group], answers, budget or Budget(), recorder, on_round)


def _run_group(
    group: list[_Running[Result]],
    answers: Handlers,
    budget: Budget,
    recorder: Recorder | None,
    on_round: Callable[[int], None] | None,
) -> list[tuple[Result, int]]:
    recalled = [] if recorder is None else list(recorder.recall())
    for running in group:
        running.go_on()
    for number in count():
        # Until everybody that is not done asks for scores: the more texts, the better the batches.
        for running in group:
            _answer_the_rest(running, answers)
        scoring = {place: running for place, running in enumerate(group) if running.request is not None}
        if on_round is not None:
            on_round(len(group) - len(scoring))
        if not scoring:
            break
        questions = {place: _Question.of(running) for place, running in scoring.items()}
        made = recalled[number] if number < len(recalled) else None
        if made is None or not _fits(made, questions):
            recalled = []
            made = _make(questions, answers, budget)
            if recorder is not None:
                recorder.keep(number, made)
        _tell(made, questions)
    return [(running.outcome, running.queries) for running in group]  # type: ignore[misc]


def _answer_the_rest(running: _Running[Any], answers: Handlers) -> None:
    while True:
        match running.request:
            case Proposals(text, spans):
                running.go_on(answers.propose(text, spans))
            case Similarities(original, texts):
                assert answers.compare is not None, "a search without an encoder asked for similarity"
                running.go_on(answers.compare(original, texts))
            case _:
                return


@dataclass(frozen=True)
class _Question:
    """The texts that a search asks about now, by their keys, and those that it has not asked about before."""

    running: _Running[Any]
    texts: Collection[str]
    keys: list[bytes]
    new: dict[bytes, None]

    @classmethod
    def of(cls, running: _Running[Any]) -> _Question:
        assert isinstance(running.request, Scores)
        texts = running.request.texts
        keys = [_key(text) for text in texts]
        return cls(running, texts, keys, dict.fromkeys(key for key in keys if key not in running.known))

    def new_texts(self) -> Iterator[str]:
        left = set(self.new)
        for key, text in zip(self.keys, self.texts, strict=True):
            if key in left:
                left.discard(key)
                yield text


def _make(questions: Mapping[int, _Question], answers: Handlers, budget: Budget) -> Round:
    """Decide who is out of budget, and ask for the others."""
    stopped = tuple(place for place, one in questions.items() if _exceeds(budget, one.running, len(one.new)))
    texts = (text for place, one in questions.items() if place not in stopped for text in one.new_texts())
    scores = [np.round(answers.score(call), DECIMALS) for call in _calls(texts)]
    return Round(stopped, _asked(stopped, questions), np.concatenate(scores) if scores else np.empty((0, 0)))


def _calls(texts: Iterable[str]) -> Iterator[list[str]]:
    """Cut where a call has enough of them for good batches: memory does not grow with the texts of a round."""
    call: list[str] = []
    characters = 0
    for text in texts:
        call.append(text)
        characters += len(text)
        if len(call) == TEXTS_A_CALL or characters >= CHARACTERS_A_CALL:
            yield call
            call, characters = [], 0
    if call:
        yield call


def _fits(made: Round, questions: Mapping[int, _Question]) -> bool:
    """Whether a round that was kept answers these questions."""
    if not questions.keys() >= set(made.stopped) or made.asked != _asked(made.stopped, questions):
        return False
    return len(made.scores) == sum(len(one.new) for place, one in questions.items() if place not in made.stopped)


def _asked(stopped: Sequence[int], questions: Mapping[int, _Question]) -> str:
    keys = (key for place, one in questions.items() if place not in stopped for key in one.new)
    return blake2b(b"".join(keys), digest_size=16).hexdigest()


def _tell(made: Round, questions: Mapping[int, _Question]) -> None:
    rows = iter(made.scores)
    for place, one in questions.items():
        if place in made.stopped:
            one.running.stop()
            continue
        known = one.running.known
        known.update((key, next(rows)) for key in one.new)
        one.running.go_on(np.stack([known[key] for key in one.keys]) if one.keys else np.empty((0, 0)))


def _exceeds(budget: Budget, running: _Running[Any], more: int) -> bool:
    if not running.known:  # whether the deployment had the text right is always asked
        return False
    if budget.queries is not None and len(running.known) + more > budget.queries:
        return True
    return budget.seconds is not None and time.monotonic() - running.began > budget.seconds


def _key(text: str) -> bytes:
    """Of 16 bytes, so that what is remembered of a long review is small."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
