"""Requests of a search. It is a generator: it yields a request, is sent the answer, and returns its finding.

So a search reads as if it had the deployment to itself, and a driver (`batched_search`) answers many at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any, TypeVar

from benchmarks.attack.words import Span

_Result = TypeVar("_Result")
_One = TypeVar("_One")

PARTS = (4, 8, 16)
LATER_PARTS = 32


@dataclass(frozen=True)
class Scores:
    """What the deployment says about ``texts``: answered by float64 (texts, columns), rounded."""

    texts: Collection[str]


class Lazy(Collection[str]):
    """Texts that are made whenever they are read: as many variants as a long text has words are gigabytes."""

    def __init__(self, count: int, make: Callable[[], Iterable[str]]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __contains__(self, text: object) -> bool:
        return any(text == one for one in self)


@dataclass(frozen=True)
class Proposals:
    """What may replace the words of ``text`` at ``spans``: answered by a list a word, best first."""

    text: str
    spans: Sequence[Span]


@dataclass(frozen=True)
class Similarities:
    """Cosines of ``texts`` with ``original``: answered by float64 (texts,)."""

    original: str
    texts: Sequence[str]


class OutOfBudget(Exception):
    """Thrown into a search in place of scores that its budget does not allow; the search must then return."""


Request = Scores | Proposals | Similarities
Search = Generator[Request, Any, _Result]


def in_parts(texts: Iterable[_One]) -> Iterator[list[_One]]:
    """For a search that the first of the texts may end: few of them, then more, then `LATER_PARTS` at a time."""
    waiting = iter(texts)
    sizes = chain(PARTS, repeat(LATER_PARTS))
    while part := list(islice(waiting, next(sizes))):
        yield part
