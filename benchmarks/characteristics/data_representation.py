"""Characteristic 2: do two deployments see the same examples as alike?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.agreement import Symmetric, all_pairs
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate, Floats, GroupBootstrap, estimates, number
from benchmarks.statistics.equivalence import OVERLAP_MARGIN, Floors, Verdict, judge
from benchmarks.statistics.nearest_neighbours import Neighbours, unit_vectors
from benchmarks.statistics.representation_similarity import align

_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class RepresentationPair(Symmetric):
    """Do two deployments see the same neighbours? The keys of the mappings are the values of k, as text."""

    a: str
    """Name of a deployment."""
    b: str
    """Name of another."""
    neighbours: dict[str, Estimate]
    """By k: mean Jaccard of the k nearest neighbours, 0 to 1."""
    neighbours_other_groups: dict[str, Estimate]
    """By k: the same with neighbours from a point's own group left out."""
    cka: Estimate
    """Debiased linear CKA, up to 1; about 0 for unrelated representations. Without an interval."""
    procrustes: Estimate
    """Procrustes likeness after the best rotation, up to 1."""
    expected_procrustes: float | None
    """That of unrelated representations; None: undefined."""


@dataclass(frozen=True)
class DataRepresentation:
    """Neighbourhoods of the same examples in every pair of deployments. Mappings by k have it as text."""

    n: int
    """Examples."""
    chance_overlap: dict[str, float | None]
    """By k: neighbours that unrelated representations share, of k; None: there are too few examples."""
    chance_jaccard: dict[str, float | None]
    """By k: the Jaccard of neighbours of unrelated representations, 0 to 1; None: too few examples."""
    chance_jaccard_other_groups: dict[str, float | None]
    """By k: the same with neighbours from a point's own group left out."""
    pairs: list[RepresentationPair]
    """Every pair of deployments."""
    verdicts: dict[str, dict[str, Verdict]]
    """By k, then by deployment: on the neighbours that are not shared with the reference (1 - Jaccard)."""


def compare(
    representations: Mapping[str, NDArray[np.float32]],
    groups: ArrayLike,
    k: Sequence[int],
    resamples: int,
    seed: int,
    reference: str | None = None,
    floors: Floors | None = None,
    overlap_margin: float = OVERLAP_MARGIN,
) -> DataRepresentation:
    """Compare every pair of deployments on the same n examples.

    For each example, the Jaccard of its k nearest other examples (by cosine) in both deployments; the figure
    is the mean over examples. Intervals resample the examples whose neighbourhoods are compared, by group;
    the examples that serve as neighbours stay.

    Args:
        representations: for each deployment, (n, d) finite; d may differ between deployments.
        groups: (n,) labels; neighbours from an example's own group are left out in `neighbours_other_groups`.
        k: the sizes of neighbourhoods.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap, and of the shuffle behind `expected_procrustes`.
        reference: from which `floors` are judged; the first deployment when left out.
        floors: by deployment, the pairs that differ by noise alone; see `benchmarks.statistics.equivalence`.
        overlap_margin: loss of Jaccard that does not matter.

    Raises:
        BenchmarkError: arrays of different lengths, NaN, or nothing to compare.
    """
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    n, names = bootstrap.n, list(representations)
    for name in names:
        rows = np.asarray(representations[name])
        if rows.ndim == 2 and len(rows) != n:
            raise BenchmarkError(f"representations of {name}: {len(rows)} rows, expected {n}, one for each example")
    _, group, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    tables = {"neighbours": _Tables(k, None), "neighbours_other_groups": _Tables(k, group)}
    for name in names:
        search = Neighbours(unit_vectors(representations[name], name=name), min(max(k), n - 1), barred=int(sizes.max()))
        for table in tables.values():
            table.add(search)
    overlaps = {name: table.overlaps(bootstrap) for name, table in tables.items()}
    overlap_estimates = {
        name: {size: estimates(rows) for size, rows in by_size.items()} for name, by_size in overlaps.items()
    }
    alignment = align([representations[name] for name in names], seed=seed)
    first, second = all_pairs(len(names))
    pairs = list(zip(first, second, strict=True))
    return DataRepresentation(
        n=n,
        chance_overlap={str(size): number(size * size / (n - 1) if size < n else np.nan) for size in k},
        chance_jaccard={str(size): chance_jaccard(size, np.full(n, n - 1)) for size in k},
        chance_jaccard_other_groups={str(size): chance_jaccard(size, n - sizes[group]) for size in k},
        pairs=[
            RepresentationPair(
                a=names[a],
                b=names[b],
                neighbours=_of_pair(overlap_estimates["neighbours"], k, pair),
                neighbours_other_groups=_of_pair(overlap_estimates["neighbours_other_groups"], k, pair),
                # A resample of these costs as much as the figure itself: no interval.
                cka=Estimate(number(alignment.cka[a, b]), None, None),
                procrustes=Estimate(number(alignment.procrustes[a, b]), None, None),
                expected_procrustes=number(alignment.expected_procrustes[a, b]),
            )
            for pair, (a, b) in enumerate(pairs)
        ],
        verdicts={
            size: judge(
                {(names[a], names[b]): 1 - rows[:, pair] for pair, (a, b) in enumerate(pairs)},
                names[0] if reference is None else reference,
                floors or {},
                overlap_margin,
                examples=n,
            )
            for size, rows in overlaps["neighbours"].items()
        },
    )


def _of_pair(estimates_by_size: Mapping[str, list[Estimate]], k: Sequence[int], pair: int) -> dict[str, Estimate]:
    return {
        str(size): estimates_by_size[str(size)][pair] if str(size) in estimates_by_size else UNDEFINED for size in k
    }


class _Tables:
    """The neighbours of every example in every deployment, for each k that some example can fill."""

    def __init__(self, k: Sequence[int], left_out: NDArray[np.intp] | None) -> None:
        self._left_out = left_out
        self._tables: dict[int, list[NDArray[np.int32]]] = {size: [] for size in k}
        self._enough: dict[int, NDArray[np.bool_]] = {}

    def add(self, search: Neighbours) -> None:
        for size, tables in self._tables.items():
            neighbours, self._enough[size] = search.nearest(size, left_out=self._left_out)
            tables.append(neighbours.astype(np.int32))

    def overlaps(self, bootstrap: GroupBootstrap) -> dict[str, Floats]:
        """By k: (rows, pairs) mean Jaccard over the examples that have k neighbours at all."""
        return {
            str(size): bootstrap.means(jaccards(tables), self._enough[size])
            for size, tables in self._tables.items()
            if self._enough[size].any()
        }


def jaccards(neighbours: Sequence[NDArray[np.integer]]) -> Floats:
    """(n, pairs) Jaccard of each example's neighbours in two deployments, each (n, k)."""
    shared = shared_neighbours(neighbours)
    return np.asarray(shared / (2 * neighbours[0].shape[1] - shared), dtype=np.float64)


def shared_neighbours(neighbours: Sequence[NDArray[np.integer]]) -> Floats:
    """How many neighbours each example has in common in two deployments: (n, pairs).

    `neighbours`: for each deployment (n, k) indices, or -1, which counts as none.
    """
    n = len(neighbours[0])
    first, second = all_pairs(len(neighbours))
    shared: Floats = np.zeros((n, len(first)))
    width = 64 * -(-n // 64)
    block = max(1, _BLOCK_BYTES // width)
    for start in range(0, n, block):
        rows = slice(start, min(n, start + block))
        sets = [_bits(table[rows], width) for table in neighbours]
        for pair, (a, b) in enumerate(zip(first, second, strict=True)):
            shared[rows, pair] = np.bitwise_count(sets[a] & sets[b]).sum(axis=1)
    return shared


def _bits(neighbours: NDArray[np.integer], width: int) -> NDArray[np.uint64]:
    """Each row's set as a bit map, (rows, width / 64)."""
    member = np.zeros((len(neighbours), width), dtype=np.bool_)
    row, column = np.nonzero(neighbours >= 0)
    member[row, neighbours[row, column]] = True
    return np.packbits(member, axis=1).view(np.uint64)


def chance_jaccard(k: int, others: NDArray[np.intp]) -> float | None:
    """Expected Jaccard of two random sets of k out of an example's `others` (n,): the overlap is
    hypergeometric.

    The mean over the examples that have k others; None where none has.
    """
    pools, counts = np.unique(others[others >= k], return_counts=True)
    if not pools.size:
        return None
    overlap = np.arange(k + 1)
    by_overlap = _hypergeometric(overlap[None, :], pools[:, None], k)
    by_pool = by_overlap @ (overlap / (2 * k - overlap))
    return float(np.average(by_pool, weights=counts))


def _hypergeometric(overlap: NDArray[np.intp], pool: NDArray[np.intp], k: int) -> Floats:
    """Chance that two sets of k out of ``pool`` share ``overlap``: `scipy.stats` takes a second to import."""
    from scipy.special import betaln

    def log_binomial(n: NDArray[np.intp] | int, chosen: NDArray[np.intp] | int) -> Floats:
        return np.asarray(-np.log(n + 1) - betaln(n - chosen + 1, chosen + 1), dtype=np.float64)

    possible = pool - k >= k - overlap
    others = np.where(possible, pool - k, k)
    chance = np.exp(log_binomial(k, overlap) + log_binomial(others, k - overlap) - log_binomial(pool, k))
    return np.where(possible, chance, 0.0)
