"""How far two deployments agree, what chance alone would give, and how sure one can be of it.

The measures take counts and broadcast, so that one call serves the sample and all its resamples, for all
pairs at once. NaN marks an undefined value inside this package; an `Estimate` shows it as None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
_UNDEFINED_AT_MOST = 0.05
"""An interval needs at least 95 % of the resamples to have a value."""
_ZERO = 1e-12
"""A denominator below this is rounding, not information."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval. None: undefined (the value), or too little data to say (the ends)."""

    value: float | None
    low: float | None
    high: float | None


UNDEFINED = Estimate(None, None, None)


class GroupBootstrap:
    """Resamples whole groups of examples with replacement (cluster bootstrap; Davison and Hinkley 1997, 3.8).

    Examples of one group (questions about one paragraph) are not independent, so groups are drawn, not
    examples. A statistic that is a function of totals over examples needs only each group's totals and a
    matrix of how often each group was drawn; all statistics share that matrix, so comparisons between them
    are paired.

    Attributes:
        n: number of examples.
        count: number of groups.
        weights: (1 + resamples, groups). The first row is the sample itself, all ones; the others are
            multinomial.
    """

    def __init__(self, groups: ArrayLike, *, resamples: int, seed: int) -> None:
        """`groups`: (n,) any sortable labels. Raises BenchmarkError where there is nothing to resample."""
        labels = np.asarray(groups)
        if labels.ndim != 1 or labels.size == 0:
            raise BenchmarkError(f"groups of shape {labels.shape}: give one label for each of at least one example")
        if resamples < 1:
            raise BenchmarkError(f"resamples = {resamples}: at least 1 is needed for an interval")
        names, index = np.unique(labels, return_inverse=True)
        self.n = int(labels.size)
        self.count = int(names.size)
        self._index = index
        self._order = np.argsort(index, kind="stable")
        self._starts = np.searchsorted(index[self._order], np.arange(self.count))
        self.weights: Floats = np.ones((1 + resamples, self.count))
        chances = np.full(self.count, 1 / self.count)
        self.weights[1:] = np.random.default_rng(seed).multinomial(self.count, chances, size=resamples)

    def totals(self, values: ArrayLike) -> Floats:
        """Sums over examples, in the sample (first row) and in every resample.

        `values`: (n, columns), or (n,) for one column. Returns (1 + resamples, columns).
        """
        columns = np.asarray(values, dtype=np.float64)
        columns = columns.reshape(self.n, -1)
        by_group = np.add.reduceat(columns[self._order], self._starts, axis=0)
        totals: Floats = self.weights @ by_group
        return totals

    def means(self, values: ArrayLike, within: NDArray[np.bool_] | None = None) -> Floats:
        """Means over the examples of `within` (all of them without it), as `totals` gives sums."""
        columns = np.asarray(values, dtype=np.float64).reshape(self.n, -1)
        inside = np.ones(self.n, dtype=np.bool_) if within is None else within
        return divide(self.totals(np.where(inside[:, None], columns, 0.0)), self.totals(inside))

    def of_examples(self, rows: slice = slice(None)) -> Floats:
        """The weights example by example: (rows, n), for statistics that are no function of totals."""
        return self.weights[rows][:, self._index]

    def groups_of(self, within: NDArray[np.bool_]) -> int:
        """How many groups have an example in `within`."""
        return int(np.unique(self._index[within]).size)


def estimates(statistic: Floats) -> list[Estimate]:
    """Percentile intervals, column by column.

    `statistic`: (1 + resamples, columns), the first row from the sample itself; NaN where undefined. The ends
    are None where the value is, or where more than 5 % of the resamples have none.
    """
    values, resampled = statistic[0], statistic[1:]
    undefined = np.isnan(resampled).mean(axis=0)
    usable = ~np.isnan(values) & (undefined <= _UNDEFINED_AT_MOST)
    tail = (1 - CONFIDENCE) / 2
    ends = np.full((2, values.size), np.nan)
    whole = usable & (undefined == 0)
    ends[:, whole] = np.quantile(resampled[:, whole], [tail, 1 - tail], axis=0)
    for column in np.flatnonzero(usable & (undefined > 0)):
        ends[:, column] = np.nanquantile(resampled[:, column], [tail, 1 - tail])
    return [
        Estimate(number(value), number(low), number(high))
        for value, low, high in zip(values, ends[0], ends[1], strict=True)
    ]


def number(value: float | np.floating) -> float | None:
    """A plain float for JSON, which knows no NaN."""
    return float(value) if np.isfinite(value) else None


def divide(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """Quotient; NaN where the denominator is zero."""
    top, bottom = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    quotient: Floats = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=quotient, where=np.abs(bottom) > _ZERO)
    return quotient


# --- two sets of examples: counts `both` = |A and B|, `a` = |A|, `b` = |B| out of `n` ----------------


def jaccard(both: ArrayLike, a: ArrayLike, b: ArrayLike) -> Floats:
    """|A and B| / |A or B| (Jaccard 1901). NaN for two empty sets: nothing was there to agree on."""
    shared = np.asarray(both, dtype=np.float64)
    return divide(shared, np.asarray(a, dtype=np.float64) + np.asarray(b, dtype=np.float64) - shared)


def expected_jaccard(a: ArrayLike, b: ArrayLike, n: ArrayLike) -> Floats:
    """The Jaccard at the overlap expected of independent sets, a b / n. NaN for two empty sets."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return jaccard(divide(first * second, n), first, second)


def largest_jaccard(a: ArrayLike, b: ArrayLike) -> Floats:
    """The Jaccard of nested sets: min(a, b) / max(a, b). NaN for two empty sets."""
    return divide(np.minimum(a, b), np.maximum(a, b))


def adjusted_jaccard(both: ArrayLike, a: ArrayLike, b: ArrayLike, n: ArrayLike) -> Floats:
    """(J - expected) / (largest - expected): 0 by chance, 1 at the most agreement that these sizes allow.

    NaN where the sizes alone settle J: a set is empty, or holds everything.
    """
    expected = expected_jaccard(a, b, n)
    return divide(jaccard(both, a, b) - expected, largest_jaccard(a, b) - expected)


def kappa(both: ArrayLike, a: ArrayLike, b: ArrayLike, n: ArrayLike) -> Floats:
    """Cohen's kappa (Cohen 1960) on membership; on errors it is the error consistency of Geirhos et al. 2020.

    NaN where chance agreement is complete: both sets empty, or both hold everything.
    """
    share, first, second = divide(both, n), divide(a, n), divide(b, n)
    observed = 1 - first - second + 2 * share
    by_chance = first * second + (1 - first) * (1 - second)
    return divide(observed - by_chance, 1 - by_chance)


@dataclass(frozen=True)
class Overlaps:
    """Counts for pairs of sets, in the sample (first row) and its resamples: each (1 + resamples, pairs)."""

    both: Floats
    a: Floats
    b: Floats
    n: Floats  # (1 + resamples, 1)

    def jaccard(self) -> Floats:
        return jaccard(self.both, self.a, self.b)

    def expected_jaccard(self) -> Floats:
        return expected_jaccard(self.a, self.b, self.n)

    def largest_jaccard(self) -> Floats:
        return largest_jaccard(self.a, self.b)

    def adjusted_jaccard(self) -> Floats:
        return adjusted_jaccard(self.both, self.a, self.b, self.n)

    def kappa(self) -> Floats:
        return kappa(self.both, self.a, self.b, self.n)


def all_pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions (first, second) of every pair of `count` things, first before second, in reading order."""
    pairs = np.array(list(combinations(range(count), 2)), dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def overlaps(
    bootstrap: GroupBootstrap, members: Sequence[NDArray[np.bool_]], within: NDArray[np.bool_] | None = None
) -> Overlaps:
    """Count overlaps of every pair of sets (in the order of `all_pairs`) inside `within`.

    `members`: for each set, (n,) whether an example belongs to it.
    """
    inside = np.ones(bootstrap.n, dtype=np.bool_) if within is None else np.asarray(within, dtype=np.bool_)
    table = np.stack([np.asarray(member, dtype=np.bool_) & inside for member in members], axis=1)
    first, second = all_pairs(table.shape[1])
    sizes = bootstrap.totals(table)
    return Overlaps(
        both=bootstrap.totals(table[:, first] & table[:, second]),
        a=sizes[:, first],
        b=sizes[:, second],
        n=bootstrap.totals(inside),
    )
