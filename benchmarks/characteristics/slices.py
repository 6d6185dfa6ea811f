"""Slices of the examples in which a deployment changes more, or less, than elsewhere.

Showing the worst of many slices finds something in pure noise. So each is judged against the largest statistic that
the whole search reaches by chance: the single-step max-T of Westfall and Young (*Resampling-Based Multiple Testing*,
1993, chapter 2), which bounds the chance of even one false slice in a deployment's list.

Chance is made by flipping signs, because permuting outcomes needs groups of one size or tears them apart. The
score of a slice is a sum over groups of examples; a group's share is its sum of (x - mean x)(y - mean y), x
membership and y outcome. Where inside and outside do not differ the expected sum is 0, and with a random sign on
every group it keeps its mean and variance, whatever the dependence inside a group, and between slices, which share
the signs: Hemerik, Goeman and Finos (JRSS B 82, 2020), sign-flipped score contributions; Cameron, Gelbach and Miller
(Rev. Econ. Stat. 90, 2008), wild cluster bootstrap with the null imposed; Chernozhukov, Chetverikov and Kato (Ann.
Stat. 41, 2013), maxima of many sums. The standard error is the same for a score and its flips, and comes from the
whole sample: one estimated inside a slice is nearly 0 where by luck no outcome fell.

The test is asymptotic in the number of groups. In pure noise (100 to 1,000 groups of 1 to 25, correlation 0 to
0.8, rates 0.02 to 0.4, up to 140 slices) the strongest slice passed 0.05 in 0.5 to 7 % of the studies, least where
outcomes are rare, and a list that may hold conjunctions was not empty in at most 3 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.characteristics.attributes import Attribute, Value, values
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, divide, estimates

Bools = NDArray[np.bool_]
Counts = NDArray[np.float32]

_EVERYONE = 0
"""The column of the slice that holds all examples, of which the others are parts."""
_GROUPS_AT_ONCE = 4096
_COMPARISONS_AT_ONCE = 256
_TIE = 1e-9


@dataclass(frozen=True)
class Slice:
    """Examples of like attributes. Rates are shares of examples with the outcome, 0 to 1; those of a slice found by
    search are a little too extreme."""

    description: str
    """What its examples have in common."""
    n: int
    """Examples in it."""
    rate: Estimate
    """The outcome's rate in it."""
    rate_outside: float
    """The outcome's rate among all other examples."""
    rate_by_confidence: float | None
    """What the reference's confidence alone makes of its rate: the mean, over its examples, of the rate of all examples
    in the same tenth of confidence. Where the interval of the rate holds it, confidence explains the slice. None:
    confidences were not given."""
    ratio: float | None
    """rate / rate outside; None where nothing happened outside."""
    p: float
    """Chance of one as extreme anywhere in the search of this deployment where nothing differs, 0 to 1."""
    p_all_deployments: float
    """The same chance in the searches of all deployments."""


@dataclass(frozen=True)
class DeploymentSlices:
    """What the search found for one deployment."""

    rate: float
    """The outcome's rate over all examples, 0 to 1."""
    slices: list[Slice]
    """Those in which the rate differs, strongest first."""


@dataclass(frozen=True)
class Slices:
    """A search for slices in which an outcome is more, or less, frequent than elsewhere."""

    searched: int
    """Slices tested in each deployment."""
    minimum: int
    """Examples that each had inside and outside, at least."""
    level: float
    """Chance that a deployment's list holds a slice where nothing differs, 0 to 1."""
    deployments: dict[str, DeploymentSlices]
    """By deployment."""


def search(
    attributes: Mapping[str, Attribute],
    outcomes: Mapping[str, Bools],
    groups: ArrayLike,
    *,
    confidence: ArrayLike | None = None,
    minimum: int | None = None,
    depth: int = 2,
    permutations: int = 2000,
    resamples: int = 1000,
    level: float = 0.05,
    seed: int = 0,
) -> Slices:
    """Find the slices in which the outcome is more, or less, frequent than among all other examples.

    A conjunction is listed only if it is significantly stronger than both its parents: its rate differs, in the
    direction in which it differs from everyone, from the rest of each parent (A and B against A without B, and
    against B without A), by a second max-T at the same level over all such comparisons. A parent may still be
    listed on the strength of its conjunction. Of a set and its complement, the one with the higher rate is listed;
    a set that two descriptions share has the first.

    Args:
        attributes: for each name, n strings or booleans, one slice a value; or n numbers, one slice a quartile
            (`attributes.values` has the details). NaN: in no slice.
        outcomes: for each deployment, (n,) whether it happened, e.g. another prediction than the reference's.
        groups: (n,) labels; examples of one group are dependent, groups are not.
        confidence: (n,) the reference's, by whose tenths a slice's rate is explained as far as it goes.
        minimum: examples a slice needs, inside and outside. None: 1 % of n, at least 20.
        depth: 1 for single attributes, 2 for conjunctions of two as well.
        permutations: number of sign flips.
        resamples: number of bootstrap resamples, for the intervals of the rates.
        level: chance of a false slice in a deployment's list.
        seed: of the flips and of the bootstrap.

    Raises:
        BenchmarkError: arrays of other shapes or types, or settings out of range.
    """
    labels = np.asarray(groups)
    if labels.ndim != 1 or labels.size == 0:
        raise BenchmarkError(f"groups of shape {labels.shape}: give one label for each of at least one example")
    if depth not in (1, 2):
        raise BenchmarkError(f"depth = {depth}: 1 (single attributes) or 2 (conjunctions of two)")
    if not 0 < level < 1 or (permutations + 1) * level < 1:
        raise BenchmarkError(f"permutations = {permutations}: level = {level} lies in (0, 1) and needs 1 / level - 1")
    if minimum is not None and minimum < 1:
        raise BenchmarkError(f"minimum = {minimum}: a slice needs at least 1 example")
    n = int(labels.size)
    happened = {name: np.asarray(given) for name, given in outcomes.items()}
    for name, outcome in happened.items():
        if outcome.shape != (n,) or outcome.dtype != np.bool_:
            raise BenchmarkError(f"outcome of {name}: {outcome.dtype} of shape {outcome.shape}, expected bool ({n},)")
    least = max(20, -(-n // 100)) if minimum is None else minimum
    candidates = _candidates({name: values(name, given, n) for name, given in attributes.items()}, n, least, depth)
    flips = _Flips(labels, candidates.members, permutations, seed)
    pairs = [(column, _EVERYONE) for column in range(1, len(candidates.descriptions))]
    tests = {name: flips.test(outcome, pairs) for name, outcome in happened.items()}
    overall = np.max([test.largest for test in tests.values()], axis=0) if tests else np.zeros(permutations)
    listed = {name: _listed(candidates, flips, happened[name], test, level) for name, test in tests.items()}
    tenths = None if confidence is None else _tenths(np.asarray(confidence, dtype=np.float64), n)
    bootstrap = GroupBootstrap(labels, resamples=resamples, seed=seed) if any(listed.values()) else None
    deployments = {}
    for name, outcome in happened.items():
        found = _slices(candidates, bootstrap, outcome, listed[name], tests[name], overall, tenths) if bootstrap else []
        deployments[name] = DeploymentSlices(float(outcome.mean()), found)
    return Slices(len(pairs), least, level, deployments)


@dataclass(frozen=True)
class _Candidates:
    """The first column holds everyone; `parents` pairs the column of each conjunction with both of its parents'."""

    members: Bools  # (n, 1 + slices)
    descriptions: list[str]
    parents: list[tuple[int, int]]


def _candidates(values: dict[str, list[Value]], n: int, least: int, depth: int) -> _Candidates:
    columns = [np.ones(n, dtype=np.bool_)]
    descriptions = ["everyone"]
    parents: list[tuple[int, int]] = []
    seen: set[bytes] = set()

    def added(members: Bools, description: str) -> bool:
        size = int(members.sum())
        if min(size, n - size) < least or members.tobytes() in seen:
            return False
        seen.add(members.tobytes())
        columns.append(members)
        descriptions.append(description)
        return True

    singles: dict[str, list[int]] = {name: [] for name in values}
    for name, options in values.items():
        for suffix, members in options:
            if added(members, name + suffix):
                singles[name].append(len(columns) - 1)
    for first, second in combinations(values, 2) if depth == 2 else ():
        for a, b in product(singles[first], singles[second]):
            if added(columns[a] & columns[b], f"{descriptions[a]} and {descriptions[b]}"):
                parents += [(len(columns) - 1, a), (len(columns) - 1, b)]
    return _Candidates(np.stack(columns, axis=1), descriptions, parents)


@dataclass(frozen=True)
class _Test:
    """`statistic`: (comparisons,). `largest`: (permutations,) the largest absolute one under each flip."""

    statistic: Floats
    largest: Floats

    def p(self, largest: Floats | None = None) -> Floats:
        """Adjusted p (comparisons,); the sample counts as one more flip (Phipson and Smyth 2010)."""
        chance = np.sort(self.largest if largest is None else largest)
        reached = chance.size - np.searchsorted(chance, np.abs(self.statistic) - _TIE)
        return np.asarray((1 + reached) / (1 + chance.size), dtype=np.float64)


class _Flips:
    """Scores of slices under random signs of the groups, as matrix products over groups.

    A flipped score is linear in two tables: members by slice and group, which the deployments share, and members
    with the outcome. Their entries are counts, so float32 sums are exact (below 2^24 examples).
    """

    def __init__(self, groups: NDArray[np.generic], members: Bools, permutations: int, seed: int) -> None:
        names, self._index = np.unique(groups, return_inverse=True)
        self._order = np.argsort(self._index, kind="stable")
        self._members = members
        self._permutations = permutations
        # One bit a group and flip: 2,000 flips of 12,000 groups are 3 MB, and are opened a block at a time.
        size = (names.size, -(-permutations // 8))
        self._bits = np.random.default_rng(seed).integers(0, 256, size=size, dtype=np.uint8)
        rows, self._counts = self._by_group(np.ones(len(members), dtype=np.bool_))
        self._flipped = self._flip(rows, self._counts)

    def test(self, outcome: Bools, comparisons: list[tuple[int, int]]) -> _Test:
        """Compare the outcome's rate in slices with that in larger slices that hold them, (child, parent) columns.

        The score is n_c (rate of child - rate of parent), n_c n_r / n_p times the difference from the rest. Its
        variance is rate (1 - rate) ((1 - rho) sum of z² + rho sum over groups of (group's sum of z)²), where
        z = x - n_c / n_p over the parent's examples and the rate is the parent's: outcomes with one correlation
        rho inside groups (Liang and Zeger 1986), estimated from all pairs of examples that share a group.
        """
        statistic: Floats = np.zeros(len(comparisons))
        largest: Floats = np.zeros(self._permutations)
        rate = float(outcome.mean())
        if rate in (0.0, 1.0):
            return _Test(statistic, largest)
        rows, counts = self._by_group(outcome)
        flipped = self._flip(rows, counts)
        sizes, hits = self._members.sum(axis=0), np.asarray(counts.sum(axis=0), dtype=np.float64)
        correlation = self._correlation(rows, counts[:, _EVERYONE], rate)
        for start in range(0, len(comparisons), _COMPARISONS_AT_ONCE):
            block = slice(start, start + _COMPARISONS_AT_ONCE)
            child, parent = np.array(comparisons[block], dtype=np.intp).T
            share, level = sizes[child] / sizes[parent], hits[parent] / sizes[parent]
            by_group = self._counts[:, child] - share.astype(np.float32) * self._counts[:, parent]
            spread = (1 - correlation) * sizes[child] * (1 - share)
            spread += correlation * np.einsum("gc,gc->c", by_group, by_group, dtype=np.float64)
            error = np.sqrt(level * (1 - level) * spread)
            statistic[block] = np.nan_to_num(divide(hits[child] - share * hits[parent], error))
            inside = flipped[child] - level[:, None] * self._flipped[child]
            whole = flipped[parent] - level[:, None] * self._flipped[parent]
            scores = np.abs(inside - share[:, None] * whole)
            largest = np.maximum(largest, np.nan_to_num(divide(scores, error[:, None])).max(axis=0))
        return _Test(statistic, largest)

    def _by_group(self, chosen: Bools) -> tuple[NDArray[np.intp], Counts]:
        """The groups with a chosen example (rows,), and in each the chosen members of every slice (rows, columns)."""
        examples = self._order[chosen[self._order]]
        rows, starts = np.unique(self._index[examples], return_index=True)
        return rows, np.add.reduceat(self._members[examples], starts, axis=0, dtype=np.float32)

    def _flip(self, rows: NDArray[np.intp], counts: Counts) -> Counts:
        """Sums over groups with random signs: (columns, permutations). Groups that are not in `rows` count 0."""
        summed = np.zeros((counts.shape[1], self._permutations), dtype=np.float32)
        for start in range(0, len(rows), _GROUPS_AT_ONCE):
            block = slice(start, start + _GROUPS_AT_ONCE)
            plus = np.unpackbits(self._bits[rows[block]], axis=1, count=self._permutations)
            summed += counts[block].T @ plus.astype(np.float32)
        signed: Counts = 2 * summed - counts.sum(axis=0)[:, None]
        return signed

    def _correlation(self, rows: NDArray[np.intp], hits: Counts, rate: float) -> float:
        """Mean product of the residuals of two examples of one group, over rate (1 - rate); 0 at least."""
        sizes = self._counts[:, _EVERYONE].astype(np.float64)
        residual = -rate * sizes
        residual[rows] += hits
        variance = rate * (1 - rate)
        products = (residual**2).sum() - variance * sizes.sum()
        return float(np.clip(np.nan_to_num(divide(products, variance * (sizes * (sizes - 1)).sum())), 0, 1))


def _tenths(confidence: Floats, n: int) -> NDArray[np.intp]:
    """(n,) which tenth of the examples, by rising confidence, each is in; equal confidences share one."""
    if confidence.shape != (n,) or not np.isfinite(confidence).all():
        raise BenchmarkError(f"confidence: shape {confidence.shape}, expected ({n},) finite numbers")
    return np.searchsorted(np.quantile(confidence, np.arange(1, 10) / 10), confidence)


def _listed(candidates: _Candidates, flips: _Flips, outcome: Bools, test: _Test, level: float) -> list[int]:
    """Columns of the significant slices, strongest first, without redundant ones."""
    significant = {int(column) for column in 1 + np.flatnonzero(test.p() <= level)}
    strength = [0.0, *test.statistic.tolist()]
    if any(column in significant for column, _ in candidates.parents):
        stronger = flips.test(outcome, candidates.parents)
        for (column, _), statistic, p in zip(candidates.parents, stronger.statistic, stronger.p(), strict=True):
            if p > level or statistic * strength[column] <= 0:
                significant.discard(column)
    # Complements have statistics of one size up to rounding; the one above comes first.
    ordered = sorted(significant, key=lambda c: (-round(abs(strength[c]), 9), -strength[c], c))
    first: dict[bytes, int] = {}
    for column in ordered:
        members = candidates.members[:, column]
        first.setdefault(min(members.tobytes(), (~members).tobytes()), column)
    return list(first.values())


def _slices(
    candidates: _Candidates,
    bootstrap: GroupBootstrap,
    outcome: Bools,
    listed: list[int],
    test: _Test,
    overall: Floats,
    tenths: NDArray[np.intp] | None,
) -> list[Slice]:
    members = candidates.members[:, listed]
    rates = estimates(divide(bootstrap.totals(members & outcome[:, None]), bootstrap.totals(members)))
    p, p_all = test.p(), test.p(overall)
    explained = None
    if tenths is not None:
        explained = divide(np.bincount(tenths, outcome, 10), np.bincount(tenths, minlength=10))[tenths]
    found = []
    for column, inside, rate in zip(listed, members.T, rates, strict=True):
        there, elsewhere = float(outcome[inside].mean()), float(outcome[~inside].mean())
        ratio = there / elsewhere if elsewhere else None
        chances = float(p[column - 1]), float(p_all[column - 1])
        by_confidence = None if explained is None else float(explained[inside].mean())
        size = int(inside.sum())
        found.append(Slice(candidates.descriptions[column], size, rate, elsewhere, by_confidence, ratio, *chances))
    return found
