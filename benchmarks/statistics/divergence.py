"""Divergence of the probabilities of two deployments, example by example, and how it is spread over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate, Floats, number
from benchmarks.statistics.shares import TAIL, Bools, design_effect

_SMALLEST = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Distributions:
    """All distributions of a deployment end to end, so that a pair costs a few array operations."""

    values: Floats
    entropies: Floats  # (n,) summed over an example's distributions, in nats
    starts: NDArray[np.intp]
    rows: NDArray[np.intp]
    shapes: tuple[tuple[int, int], ...]

    @staticmethod
    def of(examples: Sequence[NDArray[np.floating]], n: int, name: str) -> Distributions:
        if len(examples) != n:
            raise BenchmarkError(f"probabilities of {name}: {len(examples)} examples, expected {n}")
        tables = [np.atleast_2d(np.asarray(example, dtype=np.float64)) for example in examples]
        for position, table in enumerate(tables):
            # A softmax of FP16 logits sums to 1 within 1e-3; anything else is no distribution.
            if not (table.size and (table >= 0).all() and np.abs(table.sum(axis=1) - 1).max() < 1e-3):
                raise BenchmarkError(f"probabilities of {name}: example {position} does not sum to 1 in every row")
        values = np.concatenate([(table / table.sum(axis=1, keepdims=True)).ravel() for table in tables])
        sizes = np.array([table.size for table in tables])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        return Distributions(
            values=values,
            entropies=np.add.reduceat(_entropy(values), starts),
            starts=starts,
            rows=np.array([len(table) for table in tables], dtype=np.intp),
            shapes=tuple((len(table), table.shape[1]) for table in tables),
        )

    def divergence(self, other: Distributions) -> Floats:
        """(n,) Jensen-Shannon divergence in bits (Lin 1991), averaged over an example's distributions."""
        mixed = np.add.reduceat(_entropy((self.values + other.values) / 2), self.starts)
        nats = (mixed - (self.entropies + other.entropies) / 2) / self.rows
        return np.asarray(np.clip(nats / np.log(2), 0, 1), dtype=np.float64)

    def kullback_leibler(self, other: Distributions) -> Floats:
        """(n,) divergence of ``other`` from these in nats (Kullback and Leibler 1951): sum of p log(p / q).

        Averaged over an example's distributions; infinite where q is 0 and p is not.
        """
        with np.errstate(divide="ignore", invalid="ignore"):  # 0 log 0 is 0
            terms = np.where(self.values > 0, -self.values * np.log(other.values), 0.0)
        nats = (np.add.reduceat(terms, self.starts) - self.entropies) / self.rows
        return np.asarray(np.maximum(nats, 0.0), dtype=np.float64)


@dataclass(frozen=True)
class Spread:
    """A figure of every example: its mean, and how far the examples lie from each other."""

    mean: Estimate
    """Over the examples; None: infinite."""
    median: Estimate
    """Half of the examples have less."""
    p90: Estimate
    """90 % of the examples have less; an end is None where the examples are too few to bound it."""
    p95: Estimate
    """95 % have less."""
    p99: Estimate
    """99 % have less."""
    max: float | None
    """The largest; None: infinite."""


@dataclass(frozen=True)
class Divergences:
    """How far a deployment's probabilities are from the reference's, over the examples."""

    jensen_shannon: Spread
    """In bits, 0 to 1; symmetric."""
    kullback_leibler: Spread
    """Of its probabilities from the reference's, in nats."""
    infinite: int
    """Examples with an infinite one: it holds impossible what the reference does not."""


def percentile(values: Floats, share: float, groups: NDArray[np.intp]) -> Estimate:
    """The value below which ``share`` of the examples lie, with its 95 % interval (Woodruff 1952).

    The interval is that of the share of examples below the value (Clopper and Pearson 1934, with the design effect of
    groups), read off the ordered values: it assumes nothing of their distribution. An end that the examples are too few
    to bound is None, as is what is infinite.

    Args:
        values: (n,) at least one; may hold infinity.
        share: above 0, below 1.
        groups: (n,) number of the group of each example.
    """
    from scipy.special import betaincinv

    ordered, count = np.sort(values), len(values)
    lower = int(share * (count - 1))
    start, end = ordered[lower], ordered[min(lower + 1, count - 1)]
    part = share * (count - 1) - lower
    value = start if part == 0 or start == end else start + (end - start) * part
    above: Bools = values > value
    n = count / design_effect(above, groups).effect
    events = share * n
    low = ordered[max(int(betaincinv(events, n - events + 1, TAIL) * count) - 1, 0)]
    high = ordered[min(int(np.ceil(betaincinv(events + 1, n - events, 1 - TAIL) * count)), count - 1)]
    return Estimate(
        number(value),
        number(min(low, value)) if (1 - share) ** n <= TAIL else None,
        number(max(high, value)) if share**n <= TAIL else None,
    )


def spread(values: Floats, mean: Estimate, groups: NDArray[np.intp]) -> Spread:
    """The percentiles of ``values`` (n,) beside their ``mean``; ``groups`` as `percentile` takes them."""
    median, p90, p95, p99 = (percentile(values, share, groups) for share in (0.5, 0.9, 0.95, 0.99))
    return Spread(mean, median, p90, p95, p99, number(values.max()))


def _entropy(p: Floats) -> Floats:
    """-p log p, 0 at 0. NumPy's logarithm is vectorised, which scipy's `entr` is not."""
    return np.asarray(-p * np.log(np.maximum(p, _SMALLEST)), dtype=np.float64)
