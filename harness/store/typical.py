"""The typical value of steps like one: how long they took, how large they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from harness.store.step import StepSubject

UNLIKE = 5
"""More than the 4 between a model and itself in 8 bits."""


class Typical:
    """Values of steps, and of steps like a given one the median.

    The most alike are asked first: those about the very same subject, then those of the same model and task, of the
    task, and of the kind alone. At each of them, ``earlier`` values are asked after those added here. One whose model
    has `UNLIKE` times the weights, or one in as many, is not asked: studies of one store call their models alike.
    """

    def __init__(self, earlier: Typical | None = None) -> None:
        self._values: defaultdict[object, list[tuple[float, float | None]]] = defaultdict(list)
        self._earlier = earlier

    def add(self, kind: str, subject: StepSubject, value: float, weights: float | None = None) -> None:
        """``weights``: bytes of the model's; None where it has none, or they are not known."""
        for likeness in _likenesses(kind, subject):
            self._values[likeness].append((value, weights))

    def of(self, kind: str, subject: StepSubject, weights: float | None = None) -> float | None:
        """None: no step like it is known."""
        for likeness in _likenesses(kind, subject):
            for known in (self, self._earlier):
                if known is not None and (values := known._of(likeness, weights)):
                    return median(values)
        return None

    def _of(self, likeness: object, weights: float | None) -> list[float]:
        return [value for value, others in self._values.get(likeness, ()) if not _unlike(weights, others)]


def _unlike(first: float | None, second: float | None) -> bool:
    return first is not None and second is not None and max(first, second) >= UNLIKE * min(first, second)


def _likenesses(kind: str, subject: StepSubject) -> Iterator[object]:
    task = subject.get("task")
    yield kind, frozenset(subject.items())
    yield kind, task, subject.get("model") or subject.get("deployment", "").partition("/")[0]
    yield kind, task
    yield kind
