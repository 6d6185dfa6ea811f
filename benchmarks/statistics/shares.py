"""Shares of examples that come in groups: the design effect, score intervals, and tests of paired differences.

Everything here rests on one effective sample size: the number of examples over the design effect, the factor by which
the variance of a share grows because examples of a group are alike (Kish 1965; Rao and Scott 1992; Korn and Graubard
1998). Intervals are inversions of score tests, so that an interval and a test at the same level cannot contradict each
other, and a share of 0 or 1 has an interval like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import CONFIDENCE, UNDEFINED, Estimate, Floats, GroupBootstrap, divide

Bools = NDArray[np.bool_]

ASSUMED_CORRELATION = 0.135
"""Of the outcomes of two examples of a group, where too few outcomes are known to estimate it. Correlations of changed
predictions that were measured are .02 to .06; this keeps *same* honest up to .2."""
ASSUMED_WEIGHT = 20
"""As many outcomes as the assumption counts for beside what is measured."""
TAIL = (1 - CONFIDENCE) / 2
_STEPS = 50
"""Of a bisection: to the last digits of a share."""


@dataclass(frozen=True)
class DesignEffect:
    """How much less examples in groups tell than as many independent ones."""

    effect: float
    """The variance of a share over that of independent examples, at least 1."""
    correlation: float
    """Within-group correlation behind it, 0 to 1: as measured, and as assumed where events are few."""
    events: int
    """Outcomes that it was measured on."""


def design_effect(outcomes: NDArray[np.generic], groups: NDArray[np.intp]) -> DesignEffect:
    """The design effect of shares of ``outcomes``, pooled over its columns.

    Args:
        outcomes: (n, columns) or (n,) of 0 and 1, or of -1, 0 and 1 for changes in two directions.
        groups: (n,) number of the group of each example.
    """
    columns = outcomes.astype(np.float64).reshape(len(groups), outcomes.shape[1] if outcomes.ndim > 1 else 1)
    if not columns.size:
        return DesignEffect(1.0, 0.0, 0)
    other = np.count_nonzero(columns, axis=0)
    events = int((other if columns.min(initial=0.0) < 0 else np.minimum(other, len(columns) - other)).sum())
    mates = np.full(columns.shape[1], _mates(groups))
    correlation = _correlation(columns - columns.mean(axis=0), groups, mates, events)
    return DesignEffect(1 + _mates(groups) * correlation, correlation, events)


def _mates(groups: NDArray[np.intp]) -> float:
    """How many others of its group an example has, on average."""
    return float((np.bincount(groups).astype(np.float64) ** 2).sum() / len(groups) - 1) if len(groups) else 0.0


def _correlation(residuals: Floats, groups: NDArray[np.intp], mates: Floats, events: int) -> float:
    """Within-group correlation of ``residuals`` (n, columns), pooled; ``mates``: (columns,) as `_mates` gives."""
    independent = np.square(residuals).sum(axis=0)
    if not (independent @ mates) > 0:
        return ASSUMED_CORRELATION
    totals = np.zeros((int(groups.max()) + 1, residuals.shape[1]))
    np.add.at(totals, groups, residuals)
    measured = float((np.square(totals).sum(axis=0) - independent).sum() / (independent @ mates))
    weight = events / (events + ASSUMED_WEIGHT)
    return min(1.0, max(0.0, weight * measured + (1 - weight) * ASSUMED_CORRELATION))


def effective_sizes(residuals: Floats, groups: NDArray[np.intp], events: int) -> Floats:
    """(columns,) how many independent examples tell as much of a figure as these do.

    ``residuals``: (n, columns) what each example adds to the figure; their correlation within ``groups`` (n,) is pooled
    over the columns, and rests on so many ``events``.
    """
    mates = np.full(residuals.shape[1], _mates(groups))
    return len(groups) / (1 + mates * _correlation(residuals, groups, mates, events))


def share_interval(events: float, n: float, tail: float = TAIL) -> Estimate:
    """A share with its score interval (Wilson 1927); ``events`` and ``n`` are effective numbers."""
    from scipy.special import ndtri

    if n <= 0:
        return UNDEFINED
    z, value = float(-ndtri(tail)), events / n
    centre = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(value * (1 - value) / n + z * z / (4 * n * n)))
    return Estimate(value, max(0.0, min(value, centre - half)), min(1.0, max(value, centre + half)))


def shares(bootstrap: GroupBootstrap, outcomes: Bools, within: Bools) -> list[Estimate]:
    """The share of each column of ``outcomes`` (n, columns) among the examples ``within`` (n,), with its interval.

    The design effect is pooled over the columns.
    """
    columns, groups = outcomes.reshape(bootstrap.n, -1)[within], bootstrap.index[within]
    if not len(columns):
        return [UNDEFINED] * columns.shape[1]
    effect = design_effect(columns, groups).effect
    return [share_interval(int(events) / effect, len(columns) / effect) for events in columns.sum(axis=0)]


def share(bootstrap: GroupBootstrap, outcomes: Bools, within: Bools | None = None) -> Estimate:
    """`shares` of one column (n,); ``within``: all examples when left out."""
    return shares(bootstrap, outcomes, np.ones_like(outcomes) if within is None else within)[0]


def overlaps_of_sets(bootstrap: GroupBootstrap, both: Bools, either: Bools) -> tuple[list[Estimate], Floats]:
    """The Jaccard of pairs of sets, a share of the members of either.

    ``both`` and ``either``: (n, pairs) members of both sets and of at least one. Returns the estimates, and (pairs,)
    the effective sizes of the unions.
    """
    sizes = either.sum(axis=0).astype(np.float64)
    values = divide(both.sum(axis=0), sizes)
    residuals = np.where(either, both - np.nan_to_num(values), 0.0)
    mates = np.array([_mates(bootstrap.index[column]) for column in either.T])
    correlation = _correlation(residuals, bootstrap.index, mates, int((either & ~both).sum())) if sizes.any() else 0.0
    effective = sizes / (1 + mates * correlation)
    jaccards = [
        share_interval(float(v * n), float(n)) if n else UNDEFINED for v, n in zip(values, effective, strict=True)
    ]
    return jaccards, effective


@dataclass(frozen=True)
class PairedChange:
    """Two outcomes of the same examples, in effective numbers: how often there is one without the other."""

    gained: float
    """Examples with the second outcome alone."""
    lost: float
    """Examples with the first outcome alone."""
    n: float
    """All examples."""

    @classmethod
    def of(cls, first: Bools, second: Bools, effect: float) -> Self:
        gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
        return cls(gained / effect, lost / effect, len(first) / effect)

    @property
    def difference(self) -> float:
        """Second share less first share."""
        return (self.gained - self.lost) / self.n

    def error_under(self, difference: float) -> float:
        """Standard deviation of one example's change, if the true difference is ``difference``, fitted to the rest."""
        b, c, n, delta = self.gained, self.lost, self.n, difference
        linear = -b - c + (2 * n - b + c) * delta
        root = sqrt(max(0.0, linear**2 + 8 * n * c * delta * (1 - delta)))
        lost_alone = max(0.0, (root - linear) / (4 * n))
        return sqrt(max(0.0, 2 * lost_alone + delta * (1 - delta)))

    def score(self, difference: float) -> float:
        """Standard normal if the true difference is ``difference``; above 0: more was seen (Tango 1998)."""
        beyond, error = self.difference - difference, self.error_under(difference) / sqrt(self.n)
        if error <= 1e-9:
            return 0.0 if abs(beyond) < 1e-9 else float(np.copysign(np.inf, beyond))
        return beyond / error

    def p_above(self, difference: float) -> float:
        """p of a true difference of ``difference`` or less, against more."""
        from scipy.special import ndtr

        return float(ndtr(-self.score(difference)))

    def p_below(self, difference: float) -> float:
        """p of a true difference of ``difference`` or more, against less."""
        from scipy.special import ndtr

        return float(ndtr(self.score(difference)))

    def low(self, tail: float) -> float:
        """The largest difference that `p_above` refuses at ``tail``."""
        return edge(lambda delta: self.p_above(delta) < tail, -1.0, self.difference)

    def high(self, tail: float) -> float:
        """The smallest difference that `p_below` refuses at ``tail``."""
        return edge(lambda delta: self.p_below(delta) < tail, 1.0, self.difference)

    def interval(self, tail: float = TAIL) -> Estimate:
        return Estimate(self.difference, self.low(tail), self.high(tail))


def edge(refused: Callable[[float], bool], outside: float, inside: float) -> float:
    """The last that is refused on the way from ``outside`` to ``inside``, which is not; ``outside`` where none is."""
    if not refused(outside):
        return outside
    for _ in range(_STEPS):
        middle = (outside + inside) / 2
        if refused(middle):
            outside = middle
        else:
            inside = middle
    return outside


def paired_change(bootstrap: GroupBootstrap, first: Bools, second: Bools, within: Bools) -> Estimate:
    """The share with the outcome ``second`` less that with ``first`` (n,), among the examples ``within`` (n,)."""
    before, after = first[within], second[within]
    if not before.size:
        return UNDEFINED
    moves = after.astype(np.int8) - before.astype(np.int8)
    return PairedChange.of(before, after, design_effect(moves, bootstrap.index[within]).effect).interval()
