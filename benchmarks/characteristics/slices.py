"""Slices of the examples in which a deployment changes more, or less, than is to be expected there.

What is to be expected is no mystery: unsure predictions change, and noise changes predictions too. So each example's
outcome counts less what its deployment's floor makes of it (the share of the reference's further trainings, or runs,
that change it; scaled down where the deployment changes less than they do), and is compared among examples of which
the reference is about equally sure: the scores are stratified (Mantel and Haenszel 1959; van Elteren 1960).

Showing the worst of many slices finds something in pure noise. So each is judged against the largest statistic that
the whole search reaches by chance: the single-step max-T of Westfall and Young (*Resampling-Based Multiple Testing*,
1993, chapter 2), which bounds the chance of even one false slice in a deployment's list.

Chance is made by flipping signs, because permuting outcomes needs groups of one size or tears them apart. The
score of a slice is a sum over groups of examples; a group's share is its sum of (x - mean x)(y - mean y), x
membership and y outcome, means those of the example's stratum. Where inside and outside do not differ the expected sum
is 0, and with a random sign on every group it keeps its mean and variance, whatever the dependence inside a group, and
between slices, which share the signs: Hemerik, Goeman and Finos (JRSS B 82, 2020), sign-flipped score contributions;
Cameron, Gelbach and Miller (Rev. Econ. Stat. 90, 2008), wild cluster bootstrap with the null imposed; Chernozhukov,
Chetverikov and Kato (Ann. Stat. 41, 2013), maxima of many sums. The standard error is the same for a score and its
flips, and comes from the whole sample: one estimated inside a slice is nearly 0 where by luck no outcome fell.

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
_STRATA = 20
"""Of like confidence: quartiles, which are slices, are made of whole ones."""
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
    rate_expected: float
    """What its rate would be if its examples were like all others of which the reference is as sure, and changed as
    the floor does: the rate is tested against this."""
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
    """Those in which the rate is not what is to be expected, strongest first."""
    explained: bool
    """Whether there are none although rates differ: the reference's confidence and the floor explain all."""


@dataclass(frozen=True)
class Slices:
    """A search for slices in which an outcome is more, or less, frequent than is to be expected there."""

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
    floors: Mapping[str, Floats] | None = None,
    minimum: int | None = None,
    depth: int = 2,
    permutations: int = 2000,
    resamples: int = 1000,
    level: float = 0.05,
    seed: int = 0,
) -> Slices:
    """Find the slices in which the outcome is more, or less, frequent than among all other examples that are alike.

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
        confidence: (n,) the reference's; examples are compared within a twentieth of it. None: with all others.
        floors: for some deployments, (n,) the share of runs that differ from the reference by noise alone in which the
            outcome happened, 0 to 1.
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
    everywhere = np.zeros(n, dtype=np.intp)
    strata = everywhere if confidence is None else _strata(np.asarray(confidence, dtype=np.float64), n)
    excess = {name: outcome - _floor(name, outcome, (floors or {}).get(name)) for name, outcome in happened.items()}
    flips = _Flips(labels, candidates.members, strata, permutations, seed)
    pairs = [(column, _EVERYONE) for column in range(1, len(candidates.descriptions))]
    tests = {name: flips.test(own, pairs) for name, own in excess.items()}
    overall = np.max([test.largest for test in tests.values()], axis=0) if tests else np.zeros(permutations)
    listed = {name: _listed(candidates, flips, excess[name], test, level) for name, test in tests.items()}
    bootstrap = GroupBootstrap(labels, resamples=resamples, seed=seed) if any(listed.values()) else None
    explicable = confidence is not None or bool(floors)  # else a second search would be the first again
    plain = None
    if explicable and not all(listed.values()):
        plain = _Flips(labels, candidates.members, everywhere, permutations, seed)
    deployments = {}
    for name, outcome in happened.items():
        slices, explained = [], False
        if listed[name] and bootstrap:
            expected = outcome - excess[name] + _means(excess[name], strata)[strata]
            slices = _slices(candidates, bootstrap, outcome, listed[name], tests[name], overall, expected)
        elif plain:
            explained = bool((plain.test(outcome.astype(np.float64), pairs).p() <= level).any())
        deployments[name] = DeploymentSlices(float(outcome.mean()), slices, explained)
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

    A flipped score is linear in two tables for each stratum: members by slice and group, which the deployments share,
    and their outcomes. Entries of the first are counts, whose float32 sums are exact (below 2^24 examples).
    """

    def __init__(
        self, groups: NDArray[np.generic], members: Bools, strata: NDArray[np.intp], permutations: int, seed: int
    ) -> None:
        names, self._index = np.unique(groups, return_inverse=True)
        self._members = members
        self._permutations = permutations
        # One bit a group and flip: 2,000 flips of 12,000 groups are 3 MB, and are opened a block at a time.
        size = (names.size, -(-permutations // 8))
        self._bits = np.random.default_rng(seed).integers(0, 256, size=size, dtype=np.uint8)
        order = np.lexsort((self._index, strata))
        self._strata = [_Stratum(self, part) for part in np.split(order, np.flatnonzero(np.diff(strata[order])) + 1)]

    def test(self, outcome: Floats, comparisons: list[tuple[int, int]]) -> _Test:
        """Compare the outcome's mean in slices with that in larger slices that hold them, (child, parent) columns.

        The score is the sum over strata of n_c (mean of child - mean of parent). Its variance is
        (1 - rho) sum of (s z)² + rho sum over groups of (group's sum of s z)², where z = x - n_c / n_p over the
        parent's examples, n_c and n_p are those of the example's stratum, and s² is the outcome's variance in the
        parent there: outcomes with one correlation rho inside groups (Liang and Zeger 1986), estimated from all pairs
        of examples that share a group.
        """
        statistic: Floats = np.zeros(len(comparisons))
        largest: Floats = np.zeros(self._permutations)
        if not np.ptp(outcome):
            return _Test(statistic, largest)
        tables = [_Outcomes(stratum, outcome) for stratum in self._strata]
        correlation = self._correlation(outcome, tables)
        for start in range(0, len(comparisons), _COMPARISONS_AT_ONCE):
            block = slice(start, start + _COMPARISONS_AT_ONCE)
            child, parent = np.array(comparisons[block], dtype=np.intp).T
            score, spread = np.zeros(len(child)), np.zeros(len(child))
            flipped = np.zeros((len(child), self._permutations), dtype=np.float32)
            by_group = np.zeros((len(self._bits), len(child)), dtype=np.float32)
            for stratum, table in zip(self._strata, tables, strict=True):
                share = np.nan_to_num(divide(stratum.sizes[child], stratum.sizes[parent]))
                deviation = np.sqrt(table.variance[parent])
                score += table.sums[child] - share * table.sums[parent]
                spread += deviation**2 * stratum.sizes[child] * (1 - share)
                flipped += table.centred(child, parent) - share[:, None].astype(np.float32) * table.centred(
                    parent, parent
                )
                z = stratum.counts[:, child] - share.astype(np.float32) * stratum.counts[:, parent]
                by_group[stratum.rows] += deviation.astype(np.float32) * z
            together = np.einsum("gc,gc->c", by_group, by_group, dtype=np.float64)
            error = np.sqrt((1 - correlation) * spread + correlation * together)
            statistic[block] = np.nan_to_num(divide(score, error))
            largest = np.maximum(largest, np.nan_to_num(divide(np.abs(flipped), error[:, None])).max(axis=0))
        return _Test(statistic, largest)

    def by_group(self, examples: NDArray[np.intp], values: Counts | None = None) -> tuple[NDArray[np.intp], Counts]:
        """The groups of the examples (rows,), which are in their order, and in each, for every slice, its members, or
        the sum of their ``values`` (rows, columns)."""
        rows, starts = np.unique(self._index[examples], return_index=True)
        members = self._members[examples] if values is None else self._members[examples] * values[:, None]
        if not len(rows):
            return rows, np.zeros((0, members.shape[1]), dtype=np.float32)
        return rows, np.add.reduceat(members, starts, axis=0, dtype=np.float32)

    def flip(self, rows: NDArray[np.intp], counts: Counts) -> Counts:
        """Sums over groups with random signs: (columns, permutations). Groups that are not in `rows` count 0."""
        summed = np.zeros((counts.shape[1], self._permutations), dtype=np.float32)
        for start in range(0, len(rows), _GROUPS_AT_ONCE):
            block = slice(start, start + _GROUPS_AT_ONCE)
            plus = np.unpackbits(self._bits[rows[block]], axis=1, count=self._permutations)
            summed += counts[block].T @ plus.astype(np.float32)
        signed: Counts = 2 * summed - counts.sum(axis=0)[:, None]
        return signed

    def _correlation(self, outcome: Floats, tables: list[_Outcomes]) -> float:
        """Mean product of the standardised residuals of two examples of one group; 0 at least."""
        residual: Floats = np.zeros(len(outcome))
        for stratum, table in zip(self._strata, tables, strict=True):
            deviation = np.sqrt(table.variance[_EVERYONE])
            centred = outcome[stratum.examples] - table.sums[_EVERYONE] / len(stratum.examples)
            residual[stratum.examples] = np.nan_to_num(divide(centred, np.full(len(centred), deviation)))
        sizes, sums = np.bincount(self._index), np.bincount(self._index, residual)
        products = (sums**2).sum() - (residual**2).sum()
        return float(np.clip(np.nan_to_num(divide(products, (sizes * (sizes - 1)).sum())), 0, 1))


class _Stratum:
    """Examples that are compared with each other."""

    def __init__(self, flips: _Flips, examples: NDArray[np.intp]) -> None:
        self.flips, self.examples = flips, examples
        self.rows, self.counts = flips.by_group(examples)
        self.sizes = np.asarray(self.counts.sum(axis=0), dtype=np.float64)
        self.flipped = flips.flip(self.rows, self.counts)


class _Outcomes:
    """The outcomes of a stratum: sum, variance (columns,) and flipped sums (columns, permutations) of each slice."""

    def __init__(self, stratum: _Stratum, outcome: Floats) -> None:
        flips, own = stratum.flips, outcome[stratum.examples]
        there = own != 0
        values = own[there].astype(np.float32)
        rows, sums = flips.by_group(stratum.examples[there], values)
        squares = flips.by_group(stratum.examples[there], values**2)[1].sum(axis=0, dtype=np.float64)
        self.sums = np.asarray(sums.sum(axis=0), dtype=np.float64)
        self._mean = np.nan_to_num(divide(self.sums, stratum.sizes))
        self.variance = np.maximum(np.nan_to_num(divide(squares, stratum.sizes)) - self._mean**2, 0.0)
        self._flipped, self._members = flips.flip(rows, sums), stratum.flipped

    def centred(self, columns: NDArray[np.intp], parents: NDArray[np.intp]) -> Counts:
        """Flipped sums of what is beyond the mean of each column's parent."""
        mean = self._mean[parents, None].astype(np.float32)
        return np.asarray(self._flipped[columns] - mean * self._members[columns], dtype=np.float32)


def _strata(confidence: Floats, n: int) -> NDArray[np.intp]:
    """(n,) which twentieth of the examples, by rising confidence, each is in; equal confidences share one."""
    if confidence.shape != (n,) or not np.isfinite(confidence).all():
        raise BenchmarkError(f"confidence: shape {confidence.shape}, expected ({n},) finite numbers")
    place = np.searchsorted(np.quantile(confidence, np.arange(1, _STRATA) / _STRATA), confidence)
    return np.unique(place, return_inverse=True)[1]


def _floor(name: str, outcome: Bools, given: Floats | None) -> Floats:
    """(n,) what the floor makes of each example's outcome; of no more outcomes in all than the deployment has."""
    if given is None:
        return np.zeros(len(outcome))
    floor = np.asarray(given, dtype=np.float64)
    if floor.shape != outcome.shape or not ((floor >= 0) & (floor <= 1)).all():
        raise BenchmarkError(f"floor of {name}: shape {floor.shape}, expected {outcome.shape} shares from 0 to 1")
    total = float(floor.sum())
    return floor * min(1.0, float(outcome.sum()) / total) if total else floor


def _means(values: Floats, strata: NDArray[np.intp]) -> Floats:
    """The mean in each stratum."""
    return np.asarray(np.bincount(strata, values) / np.bincount(strata), dtype=np.float64)


def _listed(candidates: _Candidates, flips: _Flips, outcome: Floats, test: _Test, level: float) -> list[int]:
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
    expected: Floats,
) -> list[Slice]:
    members = candidates.members[:, listed]
    rates = estimates(divide(bootstrap.totals(members & outcome[:, None]), bootstrap.totals(members)))
    p, p_all = test.p(), test.p(overall)
    slices = []
    for column, inside, rate in zip(listed, members.T, rates, strict=True):
        there, elsewhere = float(outcome[inside].mean()), float(outcome[~inside].mean())
        ratio = there / elsewhere if elsewhere else None
        chances = float(p[column - 1]), float(p_all[column - 1])
        size, usual = int(inside.sum()), float(expected[inside].mean())
        slices.append(Slice(candidates.descriptions[column], size, rate, elsewhere, usual, ratio, *chances))
    return slices
