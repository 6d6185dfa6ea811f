"""Agreement of two sets of examples, and what chance alone would give.

The measures take counts and broadcast, so that one call serves the sample and all its resamples, for all
pairs at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.statistics.bootstrap import Floats, GroupBootstrap, divide


@dataclass(frozen=True)
class Symmetric:
    """Figures of two deployments `a` and `b` that are the same from either side."""

    @property
    def turned(self) -> Self:
        """The same pair, told from `b` to `a`."""
        return replace(self, a=self.b, b=self.a)  # type: ignore[attr-defined, call-arg]


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


def kappa(both: ArrayLike, a: ArrayLike, b: ArrayLike, n: ArrayLike) -> Floats:
    """Cohen's kappa (Cohen 1960) on membership; on errors it is the error consistency of Geirhos et al. 2020.

    NaN where chance agreement is complete: both sets empty, or both hold everything.
    """
    share, first, second = divide(both, n), divide(a, n), divide(b, n)
    return _beyond_chance(1 - first - second + 2 * share, first, second)


def kappa_bounds(a: ArrayLike, b: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """The smallest and the largest kappa that the sizes allow (Geirhos et al. 2020; Klein et al. 2025).

    Reached where the sets have as little, or as much, in common as they can. NaN as `kappa` is.
    """
    first, second = divide(a, n), divide(b, n)
    return (
        _beyond_chance(np.abs(1 - first - second), first, second),
        _beyond_chance(1 - np.abs(first - second), first, second),
    )


def _beyond_chance(observed: Floats, first: Floats, second: Floats) -> Floats:
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

    def kappa(self) -> Floats:
        return kappa(self.both, self.a, self.b, self.n)


def all_pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions (first, second) of every pair of `count` things, first before second, in reading order."""
    pairs = np.array(list(combinations(range(count), 2)), dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def overlaps(
    bootstrap: GroupBootstrap,
    members: Sequence[NDArray[np.bool_]],
    within: NDArray[np.bool_] | None = None,
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None,
) -> Overlaps:
    """Count overlaps of pairs of sets inside `within`.

    `members`: for each set, (n,) whether an example belongs to it. `pairs`: positions of the first and the second
    set of each pair; those of `all_pairs` when left out.
    """
    inside = np.ones(bootstrap.n, dtype=np.bool_) if within is None else np.asarray(within, dtype=np.bool_)
    table = np.stack([np.asarray(member, dtype=np.bool_) & inside for member in members], axis=1)
    first, second = all_pairs(table.shape[1]) if pairs is None else pairs
    sizes = bootstrap.totals(table)
    return Overlaps(
        both=bootstrap.totals(table[:, first] & table[:, second]),
        a=sizes[:, first],
        b=sizes[:, second],
        n=bootstrap.totals(inside),
    )
