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
"""Candidates fetched beyond those needed, so that few rows need a look at everything."""
_BARRED_AT_MOST = 128
"""Candidates fetched for the members of a row's own group; rows of larger groups look at everything."""
_SEARCHED_AT_ONCE = 8192
_BLOCK_BYTES = 1 << 22


def unit_vectors(vectors: ArrayLike, *, name: str) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays one.

    `vectors`: (n, d) finite. `name` says whose they are in the BenchmarkError raised otherwise.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or 0 in rows.shape:
        raise BenchmarkError(f"representations of {name}: shape {rows.shape}, expected (examples, dimensions)")
    squares = np.einsum("nd,nd->n", rows, rows, dtype=np.float64)
    if not np.isfinite(squares).all():
        bad = int((~np.isfinite(squares)).sum())
        raise BenchmarkError(f"representations of {name}: {bad} of {len(rows)} rows have NaN or infinite values")
    # The constant is that of Sun et al.'s reference; it only matters for a row of zeros.
    units: NDArray[np.float32] = np.divide(rows, (np.sqrt(squares) + 1e-10)[:, None].astype(np.float32))
    return units


class Neighbours:
    """The nearest other rows of every row by cosine: searched for once, asked for any k and any groups left out.

    Candidates come from faiss's exact search in float32. Their cosines are then computed in float64, and equal
    ones (to 7 decimals) are ordered by index, so that the result depends on no library's order of ties. A row
    whose candidates may not hold all its neighbours (many ties, a large group) is compared with every other row.
    """

    def __init__(self, units: NDArray[np.float32], k: int, *, barred: int = 1) -> None:
        """`units`: (n, d) from `unit_vectors`. `k`: the most neighbours, and `barred`: the most rows left out for
        one row (itself included), that will be asked for without looking at everything."""
        self._units = np.ascontiguousarray(units)
        n = len(units)
        fetched = min(n, k + min(barred, _BARRED_AT_MOST) + _SPARE)
        self._candidates = np.empty((n, fetched), dtype=np.intp)
        self._cosines = np.empty((n, fetched))
        self._reach = np.empty(n)  # the cosine of the last candidate; nothing beyond it was fetched
        for start in range(0, n, _SEARCHED_AT_ONCE):
            rows = slice(start, start + _SEARCHED_AT_ONCE)
            rough, self._candidates[rows] = faiss.knn(
                self._units[rows], self._units, fetched, metric=faiss.METRIC_INNER_PRODUCT
            )
            self._reach[rows] = rough[:, -1] if fetched < n else -np.inf
        for part in _blocks(np.arange(n), fetched * units.shape[1]):
            gathered = self._units[self._candidates[part]].astype(np.float64)
            self._cosines[part] = np.matmul(gathered, self._units[part].astype(np.float64)[:, :, None])[:, :, 0]

    def nearest(
        self, k: int, *, left_out: NDArray[np.intp] | None = None
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The k nearest other rows of every row.

        A row itself is left out by its index, so an equal row elsewhere counts as a neighbour.

        `left_out`: (n,) group numbers; a row's own group is then left out too. Returns neighbours (n, k), nearest
        first, and (n,) whether a row has k of them. Rows that have fewer hold -1.
        """
        n = len(self._units)
        group = np.arange(n) if left_out is None else np.asarray(left_out)
        _, index_of, sizes = np.unique(group, return_inverse=True, return_counts=True)
        enough = n - sizes[index_of] >= k
        neighbours = np.full((n, k), -1, dtype=np.intp)
        if k < 1 or not enough.any():
            return neighbours, enough
        unsettled = np.flatnonzero(enough)
        if k <= self._candidates.shape[1]:
            last = np.empty(n)
            for rows in _blocks(unsettled, 8 * self._candidates.shape[1]):
                candidates = self._candidates[rows]
                barred = group[candidates] == group[rows, None]
                neighbours[rows], last[rows] = _first_k(self._cosines[rows], candidates, barred, k)
            # Something that was not fetched may tie with the last one chosen.
            unsettled = unsettled[self._reach[unsettled] >= last[unsettled] - _SLACK]
        for rows in _blocks(unsettled, n):
            cosines = self._to_all(rows)
            candidates = np.broadcast_to(np.arange(n), cosines.shape)
            neighbours[rows], _ = _first_k(cosines, candidates, group[None, :] == group[rows, None], k)
        return neighbours, enough

    def _to_all(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """(rows, n) cosines in float64, without a float64 copy of all rows."""
        chosen = self._units[rows].astype(np.float64)
        cosines = np.empty((len(rows), len(self._units)))
        for columns in _blocks(np.arange(len(self._units)), self._units.shape[1]):
            cosines[:, columns] = chosen @ self._units[columns].astype(np.float64).T
        return cosines


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
    _, neighbours = index.search(queries, k)
    # faiss expands |q - b|^2 in float32, which loses small distances: only its choice of neighbour is taken.
    gaps = queries.astype(np.float64) - bank[neighbours[:, -1]]
    return np.asarray(np.linalg.norm(gaps, axis=1), dtype=np.float64)
