"""Values as the results hold them: any may be null, absent or of another type, and is then None or empty."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


def mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        converted = float(value)
    except OverflowError:
        return None
    return converted if math.isfinite(converted) else None


def words(value: object) -> str:
    """Text of the results on one line."""
    return "" if value is None else " ".join(str(value).split())


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; each part may be unknown."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, value: object) -> Estimate:
        if isinstance(value, Mapping):
            return cls(number(value.get("value")), number(value.get("low")), number(value.get("high")))
        return cls(number(value))

    @property
    def negated(self) -> Estimate:
        def less(value: float | None) -> float | None:
            return None if value is None else -value

        return Estimate(less(self.value), less(self.high), less(self.low))

    @property
    def as_json(self) -> Json:
        return {"value": self.value, "low": self.low, "high": self.high}

    @property
    def width(self) -> float | None:
        return None if self.low is None or self.high is None else self.high - self.low

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The interval, or the value alone where there is none."""
        if self.value is None:
            return None
        return (
            self.value if self.low is None else self.low,
            self.value if self.high is None else self.high,
        )

    def overlaps(self, other: Estimate) -> bool:
        mine, theirs = self.bounds, other.bounds
        if mine is None or theirs is None:
            return False
        return mine[0] <= theirs[1] and theirs[0] <= mine[1]


class Pairs:
    """Figures of pairs of deployments, found in either order."""

    def __init__(self, pairs: object) -> None:
        self._pairs: dict[tuple[str, str], Json] = {}
        for pair in sequence(pairs):
            entry = mapping(pair)
            self._pairs[str(entry.get("a")), str(entry.get("b"))] = entry

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def __iter__(self) -> Iterator[Json]:
        return iter(self._pairs.values())

    def get(self, a: str, b: str) -> Json:
        """What is said of ``b`` against ``a``; empty where they were not compared."""
        if (a, b) in self._pairs:
            return self._pairs[a, b]
        found = self._pairs.get((b, a))
        if found is None:
            return {}
        turned = dict(found)
        for one, other in (
            ("newly_wrong", "newly_right"),
            ("negative_flip_rate", "positive_flip_rate"),
        ):
            turned[one], turned[other] = found.get(other), found.get(one)
        if "changes" in found:
            changes = mapping(found["changes"])
            turned["changes"] = {name: Estimate.of(change).negated.as_json for name, change in changes.items()}
        return turned


def quotient(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b
