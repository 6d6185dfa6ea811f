"""Many searches at once: each round answers what all of them ask, in one call a kind of request.

Searches go in groups of fixed size and order, and a group ends before the next begins. So what shares a batch with
what is settled by the examples alone, and a deployment whose scores depend on their neighbours (INT8 with dynamic
scales) gives the same results however often the run was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.characteristics.attack.requests import (
    OutOfBudget,
    Proposals,
    Request,
    Scores,
    Search,
    Similarities,
)
from benchmarks.characteristics.attack.words import Span

Found = TypeVar("Found")
Float = NDArray[np.float64]

DECIMALS = 6
"""Scores are rounded to this: what differs less is a tie, and ties go to the first. Batches of other composition may
move a float32 probability by some 1e-7, and must not choose the word."""


@dataclass(frozen=True)
class Answers:
    """Who answers: ``score`` all texts of a round at once, the others one request at a time."""

    score: Callable[[Sequence[str]], Float]
    propose: Callable[[str, Sequence[Span]], Sequence[Sequence[str]]]
    compare: Callable[[str, Sequence[str]], Float] | None = None


class Recorder(Protocol):
    """Keeps the scores of each round of a group, so that a stopped group goes on where it was."""

    def recall(self) -> Iterator[Float]:
        """What was kept of the group that begins, a round at a time, in order."""

    def keep(self, scores: Float) -> None: ...


@dataclass(frozen=True)
class Budget:
    queries: int | None = None
    seconds: float | None = None


@dataclass
class _Running(Generic[Found]):
    """A search, what it asks for now, and what the deployment has said about its texts."""

    search: Search[Found]
    began: float = field(default_factory=time.monotonic)
    request: Request | None = None
    known: dict[bytes, Float] = field(default_factory=dict)
    found: Found | None = None
    queries: int = 0

    def go_on(self, answer: Any = None) -> None:
        self._step(lambda: self.search.send(answer))

    def stop(self) -> None:
        self._step(lambda: self.search.throw(OutOfBudget()))

    def _step(self, step: Callable[[], Request]) -> None:
        try:
            self.request = step()
        except StopIteration as end:
            self.request, self.found = None, end.value
            self.queries = len(self.known)
            self.known.clear()


def in_lock_step(
    searches: Iterable[Search[Found]],
    answers: Answers,
    *,
    at_once: int,
    budget: Budget | None = None,
    recorder: Recorder | None = None,
    on_round: Callable[[int], None] | None = None,
) -> Iterator[list[tuple[Found, int]]]:
    """Yield each group's findings, in the order of its ``at_once`` searches, and how many texts each asked about.

    A text that a search has asked about before is not asked again, nor counted. ``on_round`` is told how many of the
    group are done.
    """
    waiting = iter(searches)
    while group := list(islice(waiting, at_once)):
        yield _run_group([_Running(search) for search in group], answers, budget or Budget(), recorder, on_round)


def _run_group(
    group: list[_Running[Found]],
    answers: Answers,
    budget: Budget,
    recorder: Recorder | None,
    on_round: Callable[[int], None] | None,
) -> list[tuple[Found, int]]:
    recalled = iter(()) if recorder is None else recorder.recall()
    for running in group:
        running.go_on()
    while True:
        # Until everybody that is not done asks for scores: the more texts, the better the batches.
        for running in group:
            _answer_the_rest(running, answers)
        scoring = [running for running in group if running.request is not None]
        if on_round is not None:
            on_round(len(group) - len(scoring))
        if not scoring:
            return [(running.found, running.queries) for running in group]  # type: ignore[misc]
        _score(scoring, answers, budget, recalled, recorder)


def _answer_the_rest(running: _Running[Any], answers: Answers) -> None:
    while True:
        match running.request:
            case Proposals(text, spans):
                running.go_on(answers.propose(text, spans))
            case Similarities(original, texts):
                assert answers.compare is not None, "a search without an encoder asked for similarity"
                running.go_on(answers.compare(original, texts))
            case _:
                return


def _score(
    scoring: Sequence[_Running[Any]],
    answers: Answers,
    budget: Budget,
    recalled: Iterator[Float],
    recorder: Recorder | None,
) -> None:
    wanted: list[tuple[_Running[Any], list[bytes], dict[bytes, str]]] = []
    for running in scoring:
        assert isinstance(running.request, Scores)
        keys = [_key(text) for text in running.request.texts]
        new = {key: text for key, text in zip(keys, running.request.texts, strict=True) if key not in running.known}
        if _exceeds(budget, running, len(new)):
            running.stop()
        else:
            wanted.append((running, keys, new))
    texts = [text for _, _, new in wanted for text in new.values()]
    if texts:
        scores = next(recalled, None)
        if scores is None:
            scores = np.round(answers.score(texts), DECIMALS)
            if recorder is not None:
                recorder.keep(scores)
        rows = iter(scores)
        for running, _, new in wanted:
            running.known.update((key, next(rows)) for key in new)
    for running, keys, _ in wanted:
        running.go_on(np.stack([running.known[key] for key in keys]) if keys else np.empty((0, 0)))


def _exceeds(budget: Budget, running: _Running[Any], more: int) -> bool:
    if not running.known:  # whether the deployment had the text right is always asked
        return False
    if budget.queries is not None and len(running.known) + more > budget.queries:
        return True
    return budget.seconds is not None and time.monotonic() - running.began > budget.seconds


def _key(text: str) -> bytes:
    """Of 16 bytes, so that what is remembered of a long review is small."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
