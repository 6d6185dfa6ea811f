"""Intervals of a figure by resampling whole groups of examples.

NaN marks an undefined value inside this package; an `Estimate` shows it as None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 1000
"""Behind an interval, where nothing else is asked for."""
BLOCKS = 200
"""Rows of the jackknife; more groups than that are left out several at a time."""
_UNDEFINED_AT_MOST = 0.05
"""An interval needs at least 95 % of the resamples to have a value."""
_ZERO = 1e-12
"""A denominator below this is rounding, not information."""
_ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, in the figure's own unit."""

    value: float | None
    """None: undefined, such as an overlap of two empty sets."""
    low: float | None
    """Lower end of the interval; None: too little data to say."""
    high: float | None
    """Upper end of the interval; None: too little data to say."""

    @property
    def negated(self) -> Estimate:
        value, low, high = (None if end is None else -end for end in (self.value, self.low, self.high))
        return Estimate(value, high, low)

    @property
    def width(self) -> float | None:
        return None if self.low is None or self.high is None else self.high - self.low

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The interval, or the value alone where there is none; None where it is undefined."""
        if self.value is None:
            return None
        return (self.value if self.low is None else self.low, self.value if self.high is None else self.high)

    def overlaps(self, other: Estimate) -> bool:
        """Whether the intervals have a point in common."""
        mine, theirs = self.bounds, other.bounds
        if mine is None or theirs is None:
            return False
        return mine[0] <= theirs[1] and theirs[0] <= mine[1]


UNDEFINED = Estimate(None, None, None)


class GroupBootstrap:
    """Resamples whole groups of examples with replacement (cluster bootstrap; Davison and Hinkley 1997, 3.8).

    Examples of one group (questions about one paragraph) are not independent, so groups are drawn, not
    examples. A statistic that is a function of totals over examples needs only each group's totals and a
    matrix of how often each group counts; all statistics share that matrix, so comparisons between them
    are paired.

    The matrix has three kinds of rows: the sample itself (all ones), the resamples, and `BLOCKS` rows that
    leave out one block of groups each, from which `estimates` learns how skewed a statistic is.

    Attributes:
        n: number of examples.
        count: number of groups.
        index: (n,) number of the group of each example.
        weights: (1 + resamples + BLOCKS, groups) unsigned integers.
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
        self.index = index
        self._order = np.argsort(index, kind="stable")
        self._starts = np.searchsorted(index[self._order], np.arange(self.count))
        self.weights = np.ones((1 + resamples + BLOCKS, self.count), dtype=np.uint16)
        random = np.random.default_rng(seed)
        for row in range(1, 1 + resamples):
            drawn = random.integers(self.count, size=self.count)
            self.weights[row] = np.bincount(drawn, minlength=self.count)
        block = random.permutation(self.count) % BLOCKS
        self.weights[1 + resamples + block, np.arange(self.count)] = 0

    @property
    def rows(self) -> int:
        return len(self.weights)

    def totals(self, values: ArrayLike) -> Floats:
        """Sums over examples, one row for each row of `weights`.

        `values`: (n, columns), or (n,) for one column. Returns (rows, columns).
        """
        columns = np.asarray(values)
        # Counts up to 2^24 are exact in float32, which is twice as fast.
        precision = np.float32 if columns.dtype == np.bool_ and self.n < 1 << 23 else np.float64
        columns = columns.astype(precision).reshape(self.n, -1)
        by_group = np.add.reduceat(columns[self._order], self._starts, axis=0)
        totals: Floats = np.empty((self.rows, columns.shape[1]))
        for start in range(0, self.rows, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            totals[rows] = self.weights[rows].astype(precision) @ by_group
        return totals

    def means(self, values: ArrayLike, within: NDArray[np.bool_] | None = None) -> Floats:
        """Means over the examples of `within` (all of them without it), as `totals` gives sums."""
        columns = np.asarray(values).reshape(self.n, -1)
        inside = np.ones(self.n, dtype=np.bool_) if within is None else within
        if columns.dtype == np.bool_:
            return divide(self.totals(columns & inside[:, None]), self.totals(inside))
        return divide(self.totals(np.where(inside[:, None], columns, 0.0)), self.totals(inside))

    def of_examples(self, rows: slice = slice(None)) -> Floats:
        """The weights example by example: (rows, n), for statistics that are no function of totals."""
        return self.weights[rows].astype(np.float64)[:, self.index]

    def groups_of(self, within: NDArray[np.bool_]) -> int:
        """How many groups have an example in `within`."""
        return int(np.unique(self.index[within]).size)


def estimates(statistic: Floats) -> list[Estimate]:
    """BCa intervals, column by column (Efron 1987, "Better Bootstrap Confidence Intervals").

    A percentile interval of a rare rate covers the truth in about 90 % of studies instead of 95 %; BCa moves
    the two percentiles by the bias of the resamples (z0) and by the skewness of the statistic (a, from the
    jackknife), which brings it back.

    `statistic`: (1 + resamples + BLOCKS, columns), rows as in `GroupBootstrap.weights`; NaN where undefined.
    The ends are None where the value is, or where more than 5 % of the resamples have none.
    """
    from scipy.special import ndtr, ndtri

    value, resampled, left_out = statistic[0], np.sort(statistic[1:-BLOCKS], axis=0), statistic[-BLOCKS:]
    defined = (~np.isnan(resampled)).sum(axis=0)
    count = len(resampled)
    usable = ~np.isnan(value) & (defined >= (1 - _UNDEFINED_AT_MOST) * count)
    with np.errstate(invalid="ignore"):
        # Equal up to rounding is a tie: two orders of one sum must not give two intervals.
        below = ((resampled < value - _ZERO).sum(axis=0) + (resampled <= value + _ZERO).sum(axis=0)) / 2
    share = below / np.maximum(defined, 1)
    bias = ndtri(np.clip(share, 0.5 / count, 1 - 0.5 / count))
    influence = np.nan_to_num(value - left_out)
    skewness = divide((influence**3).sum(axis=0), 6 * np.square(influence).sum(axis=0) ** 1.5)
    acceleration = np.nan_to_num(skewness)
    tail = (1 - CONFIDENCE) / 2
    ends = []
    for z in ndtri([tail, 1 - tail]):
        moved = bias + z
        stretch = 1 - acceleration * moved
        level = ndtr(bias + divide(moved, np.where(stretch > 0, stretch, np.nan)))
        # Where the formula has no answer (a very skewed statistic), the percentile interval is left.
        level = np.where(np.isnan(level), ndtr(z), level)
        ends.append(_quantiles(resampled, defined, level))
    low, high = np.where(usable, ends, np.nan)
    return [Estimate(number(v), number(lo), number(hi)) for v, lo, hi in zip(value, low, high, strict=True)]


def _quantiles(ordered: Floats, defined: NDArray[np.intp], level: Floats) -> Floats:
    """The quantile `level` (columns,) of each column of `ordered` (rows, columns), its NaN last."""
    position = level * np.maximum(defined - 1, 0)
    lower = np.floor(position).astype(np.intp)
    upper = np.minimum(lower + 1, np.maximum(defined - 1, 0))
    columns = np.arange(ordered.shape[1])
    share = position - lower
    start = ordered[lower, columns]
    return np.asarray(start + (ordered[upper, columns] - start) * share, dtype=np.float64)


def standard_errors(statistic: Floats) -> Floats:
    """(columns,) standard deviation over the resamples; NaN where more than 5 % of them have no value."""
    resampled = statistic[1:-BLOCKS]
    missing = np.isnan(resampled).mean(axis=0)
    errors: Floats = np.full(resampled.shape[1], np.nan)
    known = missing <= _UNDEFINED_AT_MOST
    if known.any():
        errors[known] = np.nanstd(resampled[:, known], axis=0, ddof=1) if len(resampled) > 1 else 0.0
    return errors


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
