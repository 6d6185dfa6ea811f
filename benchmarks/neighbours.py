"""Exact nearest neighbours by cosine and by Euclidean distance, with faiss."""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError

_TIE = 7
"""Cosines equal to so many decimals are ties: float32 vectors tell no more."""
_SLACK = 1e-5
"""How far a cosine that faiss sums in float32 may be off."""
_SPARE = 32
"""Candidates fetched beyond those needed, so that few rows need a second search."""
_SEARCHED_AT_ONCE = 256
_BLOCK_BYTES = 1 << 22


def unit_vectors(vectors: ArrayLike, *, name: str) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays one.

    `vectors`: (n, d) finite. `name` says whose they are in the BenchmarkError raised otherwise.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or 0 in rows.shape:
        raise BenchmarkError(f"representations of {name}: shape {rows.shape}, expected (examples, dimensions)")
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows)).any(axis=1).sum())
        raise BenchmarkError(f"representations of {name}: {bad} of {len(rows)} rows have NaN or infinite values")
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    # The constant is that of Sun et al.'s reference; it only matters for a row of zeros.
    return np.ascontiguousarray(rows / (lengths + 1e-10), dtype=np.float32)


def nearest(
    units: NDArray[np.float32], k: int, *, left_out: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The k nearest other rows of every row, by cosine.

    A row itself is left out by its index, so an equal row elsewhere counts as a neighbour. Cosines that are
    equal to 7 decimals are ordered by index: the result depends on no library's order of ties.

    `units`: (n, d) from `unit_vectors`. `left_out`: (n,) group numbers; a row's own group is then left out
    too. Returns neighbours (n, k), nearest first, and (n,) whether a row has k of them. Rows that have fewer
    hold -1.
    """
    n = len(units)
    group = np.arange(n) if left_out is None else np.asarray(left_out)
    _, index_of, sizes = np.unique(group, return_inverse=True, return_counts=True)
    enough = n - sizes[index_of] >= k
    found = np.full((n, k), -1, dtype=np.intp)
    if k < 1 or not enough.any():
        return found, enough
    fetched = k + int(sizes.max()) + _SPARE
    unsettled = np.flatnonzero(enough)
    if fetched < n:
        unsettled = _among_candidates(units, unsettled, group, fetched, found)
    everything = units.astype(np.float64)
    for rows in _blocks(unsettled, n):
        cosines = everything[rows] @ everything.T
        candidates = np.broadcast_to(np.arange(n), cosines.shape)
        found[rows], _ = _first_k(cosines, candidates, group[None, :] == group[rows, None], k)
    return found, enough


def _among_candidates(
    units: NDArray[np.float32],
    rows: NDArray[np.intp],
    group: NDArray[np.intp],
    fetched: int,
    found: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Fill `found` for `rows` from faiss's candidates; return the rows that need a look at everything."""
    index = faiss.IndexFlatIP(units.shape[1])
    index.add(units)
    exact = units.astype(np.float64)
    unsettled = [rows[:0]]
    for searched in np.array_split(rows, -(-rows.size // _SEARCHED_AT_ONCE)):
        rough, candidates = index.search(units[searched], fetched)
        cosines = np.empty(candidates.shape)
        for part in _blocks(np.arange(searched.size), fetched * units.shape[1]):
            cosines[part] = np.matmul(exact[candidates[part]], exact[searched[part], :, None])[:, :, 0]
        barred = group[candidates] == group[searched, None]
        found[searched], last = _first_k(cosines, candidates, barred, found.shape[1])
        # Something that was not fetched may tie with the last one chosen.
        unsettled.append(searched[rough[:, -1] >= last - _SLACK])
    return np.concatenate(unsettled)


def _blocks(rows: NDArray[np.intp], numbers_a_row: int) -> list[NDArray[np.intp]]:
    """Cut `rows` so that a block of float64 work is small; large blocks lose their time to page faults."""
    size = max(1, _BLOCK_BYTES // (8 * numbers_a_row))
    return [rows[start : start + size] for start in range(0, rows.size, size)]


def _first_k(
    cosines: NDArray[np.float64], candidates: NDArray[np.intp], barred: NDArray[np.bool_], k: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The first k candidates, by cosine and ties by index, that are not barred; the last one's cosine."""
    keys = np.where(barred, -np.inf, np.round(cosines, _TIE))
    order = np.lexsort((candidates, -keys), axis=1)[:, :k]
    chosen = np.take_along_axis(candidates, order, axis=1)
    return chosen.astype(np.intp), np.take_along_axis(keys, order[:, -1:], axis=1)[:, 0]


def distance_to_kth(queries: NDArray[np.float32], bank: NDArray[np.float32], k: int) -> NDArray[np.float64]:
    """Euclidean distance of every query to its k-th nearest row of the bank.

    `queries`: (n, d), `bank`: (m, d) with m >= k, both from `unit_vectors`. Returns (n,).
    """
    if len(bank) < k:
        raise BenchmarkError(f"k = {k} neighbours in a bank of {len(bank)} points: lower k or enlarge the bank")
    index = faiss.IndexFlatL2(bank.shape[1])
    index.add(bank)
    _, found = index.search(queries, k)
    # faiss expands |q - b|^2 in float32, which loses small distances: only its choice of neighbour is taken.
    gaps = queries.astype(np.float64) - bank[found[:, -1]]
    return np.asarray(np.linalg.norm(gaps, axis=1), dtype=np.float64)
