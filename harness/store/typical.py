"""The typical value of steps like one: how long they took, how large they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median


class Typical:
    """Values of steps, and of steps like a given one the median.

    The most alike are asked first: those about the very same subject, then those of the same model and task, of the
    task, and of the kind alone. At each of them, ``earlier`` values are asked after those added here.
    """

    def __init__(self, earlier: Typical | None = None) -> None:
        self._values: defaultdict[object, list[float]] = defaultdict(list)
        self._earlier = earlier

    def add(self, kind: str, subject: Mapping[str, str], value: float) -> None:
        for likeness in _likenesses(kind, subject):
            self._values[likeness].append(value)

    def of(self, kind: str, subject: Mapping[str, str]) -> float | None:
        """None: no step of the kind is known."""
        for likeness in _likenesses(kind, subject):
            for known in (self, self._earlier):
                if known is not None and likeness in known._values:
                    return median(known._values[likeness])
        return None


def _likenesses(kind: str, subject: Mapping[str, str]) -> Iterator[object]:
    task = subject.get("task")
    yield kind, frozenset(subject.items())
    yield kind, task, subject.get("model") or subject.get("deployment", "").partition("/")[0]
    yield kind, task
    yield kind
