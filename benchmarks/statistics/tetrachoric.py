"""The tetrachoric correlation of two sets of examples (Pearson 1900), and its interval.

Two deployments that each miss an example when something normal that stands behind it passes a threshold of their own
miss the same examples as far as these two correlate. Unlike an overlap or kappa, the correlation does not move with how
many they miss. A table of four counts has as many freedoms as the model has parameters, so that the maximum likelihood
is where the model gives the counts themselves (Hamdan 1970).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import CONFIDENCE, UNDEFINED, Estimate, Floats, GroupBootstrap
from benchmarks.statistics.shares import Bools, effective_sizes

_FINE, _COARSE = 45, 18
"""Bisections to an estimate, and to an end of its interval (five digits)."""
_SCORINGS = 5
"""Steps to the thresholds that are likeliest at a given correlation: quadratic, and started near."""
_LEAST = 1e-12
"""A probability below this is rounding."""


def tetrachoric(bootstrap: GroupBootstrap, first: Bools, second: Bools, within: Bools) -> list[Estimate]:
    """The tetrachoric correlations of pairs of sets among the examples ``within`` (n,), with their intervals.

    The interval holds what a likelihood ratio does not refuse, the thresholds being those likeliest at each
    correlation; counts are divided by the design effect of what the estimate depends on. A correlation of 1, where one
    set holds the other, has an interval like any other. Undefined where a set is empty or holds everything: nothing is
    known of its threshold then.

    `first`, `second`: (n, pairs) members of the sets.
    """
    a, b = first[within], second[within]
    n = len(a)
    if not n or not a.shape[1]:
        return [UNDEFINED] * first.shape[1]
    table = _Table.of((a & b).mean(axis=0), a.mean(axis=0), b.mean(axis=0))
    known = (table.a > 0) & (table.a < 1) & (table.b > 0) & (table.b < 1)
    values = np.full(len(known), np.nan)
    values[known] = _correlation(table.rows(known))
    slope_a, slope_b = _slopes(table, np.nan_to_num(values))
    residuals = (a & b) - table.both - slope_a * (a - table.a) - slope_b * (b - table.b)
    discordant = np.count_nonzero(a != b, axis=0)
    sizes = effective_sizes(np.where(known, residuals, 0.0), bootstrap.index[within], int(discordant.sum()))
    low, high = (np.full(len(known), np.nan) for _ in range(2))
    if known.any():
        low[known], high[known] = _interval(table.rows(known), values[known], sizes[known])
    return [
        Estimate(float(value), float(one), float(other)) if there else UNDEFINED
        for there, value, one, other in zip(known, values, low, high, strict=True)
    ]


def both_above(first: Floats, second: Floats, correlation: Floats) -> Floats:
    """The probability that two standard normals with a correlation both pass their thresholds (Owen 1956).

    ``first`` and ``second``: the thresholds; all of one shape. Beyond the ends a correlation is -1 or 1.
    """
    from scipy.special import ndtr, owens_t

    # Owen's function divides by the thresholds; at 0 the limit is taken.
    h, k = (np.where(np.abs(one) < _LEAST, _LEAST, one) for one in (-first, -second))
    rho = np.clip(correlation, -1 + _LEAST, 1 - _LEAST)
    root = np.sqrt(1 - rho**2)
    outside = owens_t(h, (k / h - rho) / root) + owens_t(k, (h / k - rho) / root)
    inside = (ndtr(h) + ndtr(k)) / 2 - outside - np.where(h * k < 0, 0.5, 0.0)
    return np.asarray(np.clip(inside, np.maximum(0.0, ndtr(h) + ndtr(k) - 1), np.minimum(ndtr(h), ndtr(k))))


@dataclass(frozen=True)
class _Table:
    """Shares of the examples, (pairs,) each."""

    both: Floats
    a: Floats
    b: Floats

    @classmethod
    def of(cls, both: Floats, a: Floats, b: Floats) -> _Table:
        return cls(*(np.asarray(one, dtype=np.float64) for one in (both, a, b)))

    def rows(self, chosen: NDArray[np.bool_]) -> _Table:
        return _Table(self.both[chosen], self.a[chosen], self.b[chosen])

    @property
    def thresholds(self) -> tuple[Floats, Floats]:
        from scipy.special import ndtri

        return np.asarray(-ndtri(self.a)), np.asarray(-ndtri(self.b))

    @property
    def cells(self) -> Floats:
        """(4, pairs) in both, in the first alone, in the second alone, in neither."""
        both, alone, other = self.both, self.a - self.both, self.b - self.both
        return np.stack([both, alone, other, 1 - both - alone - other])


def _correlation(table: _Table) -> Floats:
    """Where the model gives the share of both; -1 and 1 where a cell is empty and no correlation between does."""
    h, k = table.thresholds
    value = _crossing(
        lambda rho: both_above(h, k, rho) < table.both, np.full_like(h, -1.0), np.full_like(h, 1.0), _FINE
    )
    value = np.where(np.minimum(table.a, table.b) - table.both < _LEAST, 1.0, value)
    return np.where(table.both - np.maximum(0.0, table.a + table.b - 1) < _LEAST, -1.0, value)


def _crossing(below: Callable[[Floats], NDArray[np.bool_]], low: Floats, high: Floats, steps: int) -> Floats:
    """Where ``below`` turns from true at ``low`` to false at ``high``, column by column."""
    for _ in range(steps):
        middle = (low + high) / 2
        under = below(middle)
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return (low + high) / 2


def _slopes(table: _Table, rho: Floats) -> tuple[Floats, Floats]:
    """How the share of both grows with either share, at a correlation."""
    from scipy.special import ndtr

    h, k = (np.nan_to_num(one, posinf=0.0, neginf=0.0) for one in table.thresholds)
    root = np.sqrt(np.maximum(1 - rho**2, _LEAST))
    return np.asarray(ndtr((rho * h - k) / root)), np.asarray(ndtr((rho * k - h) / root))


def _interval(table: _Table, value: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    from scipy.special import chdtri

    limit = float(chdtri(1, 1 - CONFIDENCE)) / 2
    best = _log_likelihood(table.cells, table.cells, sizes)

    def refused(rho: Floats) -> NDArray[np.bool_]:
        return np.asarray(best - _profile(table, rho, sizes) > limit)

    low = _crossing(refused, np.full_like(value, -1.0), value, _COARSE)
    high = _crossing(lambda rho: ~refused(rho), value, np.full_like(value, 1.0), _COARSE)
    # A correlation that the ends do not refuse is one of those that the data allow.
    return np.where(low < -1 + 1e-5, -1.0, np.minimum(low, value)), np.where(
        high > 1 - 1e-5, 1.0, np.maximum(high, value)
    )


def _log_likelihood(seen: Floats, expected: Floats, sizes: Floats) -> Floats:
    from scipy.special import xlogy

    return np.asarray(sizes * xlogy(seen, np.maximum(expected, 1e-300)).sum(axis=0))


def _profile(table: _Table, rho: Floats, sizes: Floats) -> Floats:
    """The log likelihood at a correlation, with the thresholds likeliest there (Fisher scoring)."""
    from scipy.special import ndtr

    h, k = table.thresholds
    seen = table.cells
    root = np.sqrt(np.maximum(1 - rho**2, _LEAST))
    highest = np.full_like(rho, -np.inf)
    for _ in range(_SCORINGS):
        a, b, both = ndtr(-h), ndtr(-k), both_above(h, k, rho)
        cells = np.maximum(_Table.of(both, a, b).cells, _LEAST)
        highest = np.maximum(highest, _log_likelihood(seen, cells, sizes))
        densities = [np.exp(-(one**2) / 2) / np.sqrt(2 * np.pi) for one in (h, k)]
        # The derivatives of the four cells by either threshold.
        shared = [-densities[0] * ndtr((rho * h - k) / root), -densities[1] * ndtr((rho * k - h) / root)]
        by_h = np.stack([shared[0], -densities[0] - shared[0], -shared[0], densities[0] + shared[0]])
        by_k = np.stack([shared[1], -shared[1], -densities[1] - shared[1], densities[1] + shared[1]])
        score_h, score_k = (by_h * seen / cells).sum(axis=0), (by_k * seen / cells).sum(axis=0)
        hh, kk, hk = ((one * other / cells).sum(axis=0) for one, other in ((by_h, by_h), (by_k, by_k), (by_h, by_k)))
        determinant = np.maximum(hh * kk - hk**2, _LEAST)
        step_h, step_k = (kk * score_h - hk * score_k) / determinant, (hh * score_k - hk * score_h) / determinant
        h, k = h + np.clip(step_h, -0.5, 0.5), k + np.clip(step_k, -0.5, 0.5)
    return highest
