"""Characteristic 2: do two deployments see the same examples as alike?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.agreement import (
    UNDEFINED,
    Estimate,
    Floats,
    GroupBootstrap,
    all_pairs,
    divide,
    estimates,
    number,
)
from benchmarks.errors import BenchmarkError
from benchmarks.neighbours import nearest, unit_vectors

_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class RepresentationPair:
    """Two deployments. The keys of the mappings are the values of k, as text."""

    a: str
    b: str
    neighbours: dict[str, Estimate]
    neighbours_other_groups: dict[str, Estimate]
    cka: Estimate
    expected_cka: float | None


@dataclass(frozen=True)
class DataRepresentation:
    n: int
    chance_overlap: dict[str, float | None]
    chance_jaccard: dict[str, float | None]
    chance_jaccard_other_groups: dict[str, float | None]
    pairs: list[RepresentationPair]


def compare(
    representations: Mapping[str, NDArray[np.float32]],
    groups: ArrayLike,
    k: Sequence[int],
    resamples: int,
    seed: int,
) -> DataRepresentation:
    """Compare every pair of deployments on the same n examples.

    For each example, the Jaccard of its k nearest other examples (by cosine) in both deployments; the figure
    is the mean over examples. Intervals resample the examples whose neighbourhoods are compared, by group;
    the examples that serve as neighbours stay.

    Args:
        representations: for each deployment, (n, d), d its own.
        groups: (n,) labels; resampled together, and left out of `neighbours_other_groups`, together.
        k: sizes of the neighbourhood. A size that the data cannot fill has None.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        BenchmarkError: representations of different lengths, or with NaN.
    """
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    n, names = bootstrap.n, list(representations)
    units = [unit_vectors(representations[name], name=name) for name in names]
    for name, rows in zip(names, units, strict=True):
        if len(rows) != n:
            raise BenchmarkError(f"representations of {name}: {len(rows)} rows, expected {n}, one for each example")
    _, group, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    others = {"neighbours": np.full(n, n - 1), "neighbours_other_groups": n - sizes[group]}
    measured = {
        "neighbours": _neighbours(units, k, None, others["neighbours"], bootstrap),
        "neighbours_other_groups": _neighbours(units, k, group, others["neighbours_other_groups"], bootstrap),
    }
    similarity, expected = linear_cka([representations[name] for name in names])
    first, second = all_pairs(len(names))
    return DataRepresentation(
        n=n,
        chance_overlap={str(size): number(size * size / (n - 1) if size < n else np.nan) for size in k},
        chance_jaccard={str(size): chance_jaccard(size, others["neighbours"]) for size in k},
        chance_jaccard_other_groups={str(size): chance_jaccard(size, others["neighbours_other_groups"]) for size in k},
        pairs=[
            RepresentationPair(
                a=names[a],
                b=names[b],
                neighbours={size: column[pair] for size, column in measured["neighbours"].items()},
                neighbours_other_groups={
                    size: column[pair] for size, column in measured["neighbours_other_groups"].items()
                },
                # A resample of CKA costs as much as CKA itself: no interval.
                cka=Estimate(number(similarity[a, b]), None, None),
                expected_cka=number(expected[a, b]),
            )
            for pair, (a, b) in enumerate(zip(first, second, strict=True))
        ],
    )


def _neighbours(
    units: Sequence[NDArray[np.float32]],
    k: Sequence[int],
    left_out: NDArray[np.intp] | None,
    others: NDArray[np.intp],
    bootstrap: GroupBootstrap,
) -> dict[str, list[Estimate]]:
    """Mean Jaccard of neighbour sets for each k and pair, over the examples that have k neighbours at all."""
    pairs = len(all_pairs(len(units))[0])
    fillable = [size for size in k if (others >= size).any()]
    result = {str(size): [UNDEFINED] * pairs for size in k}
    if not fillable:
        return result
    # One search serves every k, except for examples that have neighbours enough for a smaller k only.
    smallest_pool = int(others.min())
    whole = [size for size in fillable if size <= smallest_pool]
    searched = {max(whole): whole} if whole else {}
    searched |= {size: [size] for size in fillable if size > smallest_pool}
    for largest, sizes in searched.items():
        found = [nearest(rows, largest, left_out=left_out) for rows in units]
        enough = found[0][1]
        for size in sizes:
            overlap = shared_neighbours([neighbours[:, :size] for neighbours, _ in found])
            result[str(size)] = estimates(bootstrap.means(overlap / (2 * size - overlap), enough))
    return result


def shared_neighbours(neighbours: Sequence[NDArray[np.intp]]) -> Floats:
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


def _bits(neighbours: NDArray[np.intp], width: int) -> NDArray[np.uint64]:
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
    from scipy.stats import hypergeom

    pools, counts = np.unique(others[others >= k], return_counts=True)
    if not pools.size:
        return None
    overlap = np.arange(k + 1)
    by_overlap = hypergeom.pmf(overlap[None, :], pools[:, None], k, k)
    by_pool = by_overlap @ (overlap / (2 * k - overlap))
    return float(np.average(by_pool, weights=counts))


def linear_cka(representations: Sequence[ArrayLike]) -> tuple[Floats, Floats]:
    """Linear centred kernel alignment of every pair (Kornblith et al. 2019, section 3), and its chance level.

    CKA = <K, L> / (|K| |L|) with the Gram matrices K = X X' and L = Y Y' of centred columns. The chance level
    is the mean over all pairings of the examples of X with those of Y, tr(K) tr(L) / ((n - 1) |K| |L|): it is
    far above 0 where dimensions are many and examples few.

    `representations`: each (n, d), d its own. Returns two (deployments, deployments); NaN where all rows of a
    deployment are equal.
    """
    centred = [_centred(rows) for rows in representations]
    count, n = len(centred), len(centred[0])
    inner: Floats = np.zeros((count, count))
    block = max(1, _BLOCK_BYTES // (count * n * 8))
    for start in range(0, n, block):
        grams = np.stack([(rows[start : start + block] @ rows.T).ravel() for rows in centred])
        inner += grams @ grams.T
    norms = np.sqrt(np.diag(inner))
    scale = np.outer(norms, norms)
    traces = np.array([np.square(rows).sum() for rows in centred])
    return np.clip(divide(inner, scale), 0, 1), divide(np.outer(traces, traces), (n - 1) * scale)


def _centred(rows: ArrayLike) -> Floats:
    """Columns with mean 0, scaled to a sum of squares of 1 in all (CKA does not see scale)."""
    table = np.asarray(rows, dtype=np.float64)
    constant = bool((table == table[0]).all())
    centred: Floats = np.zeros_like(table) if constant else table - table.mean(axis=0)
    size = np.linalg.norm(centred)
    return centred / size if size > 0 else centred
