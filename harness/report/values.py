"""Values of the results as the report takes them: text on one line, quotients, and pairs in either order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, Self, TypeVar


class Pair(Protocol):
    """Figures of two deployments, of ``b`` against ``a`` where they have a direction."""

    @property
    def a(self) -> str: ...

    @property
    def b(self) -> str: ...

    @property
    def turned(self) -> Self: ...


P = TypeVar("P", bound=Pair)


def words(text: str | None) -> str:
    """Text of the results on one line."""
    return "" if text is None else " ".join(text.split())


def quotient(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


class Pairs(Generic[P]):
    """Figures of pairs of deployments, found in either order."""

    def __init__(self, pairs: Iterable[P] = ()) -> None:
        self._pairs: dict[tuple[str, str], P] = {(pair.a, pair.b): pair for pair in pairs}

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def __iter__(self) -> Iterator[P]:
        return iter(self._pairs.values())

    def between(self, a: str, b: str) -> P | None:
        """What is said of ``b`` against ``a``; None where they were not compared."""
        if (a, b) in self._pairs:
            return self._pairs[a, b]
        pair = self._pairs.get((b, a))
        return None if pair is None else pair.turned
