"""What a search asks for. It is a generator: it yields a request, is sent the answer, and returns its finding.

So a search reads as if it had the deployment to itself, and a driver (`lock_step`) answers many at once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any, TypeVar

from benchmarks.characteristics.attack.words import Span

_Found = TypeVar("_Found")
_One = TypeVar("_One")

PARTS = (4, 8, 16)
LATER_PARTS = 32


@dataclass(frozen=True)
class Scores:
    """What the deployment says about ``texts``: answered by float64 (texts, columns), rounded."""

    texts: Sequence[str]


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
Search = Generator[Request, Any, _Found]


def in_parts(texts: Iterable[_One]) -> Iterator[list[_One]]:
    """For a search that the first of the texts may end: few of them, then more, then `LATER_PARTS` at a time."""
    waiting = iter(texts)
    sizes = chain(PARTS, repeat(LATER_PARTS))
    while part := list(islice(waiting, next(sizes))):
        yield part
