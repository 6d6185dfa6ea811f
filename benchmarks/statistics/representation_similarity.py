"""Similarity of the global geometry of two representations: linear CKA and orthogonal Procrustes.

Both compare all examples at once, whatever the dimensions' number, order, rotation and scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.statistics.bootstrap import Floats, divide


@dataclass(frozen=True)
class Alignment:
    """Pairwise figures, each (deployments, deployments); NaN where all rows of a deployment are equal."""

    cka: Floats
    procrustes: Floats
    expected_procrustes: Floats


def align(representations: Sequence[ArrayLike], *, seed: int) -> Alignment:
    """Compare every pair of representations of the same n examples.

    CKA = H(X, Y) / sqrt(H(X, X) H(Y, Y)) (Kornblith et al. 2019), with the unbiased H of Song et al. (JMLR 2012) in
    place of the biased |X'Y|² (Murphy et al. 2024): about 0 for unrelated representations, where the biased one is far
    above 0 when dimensions are many and examples few (.63 for 600 examples of 1,024 dimensions). It may be a little
    below 0.

    Procrustes = the nuclear norm of X'Y, for centred X and Y of norm 1: 1 minus half the squared distance that is
    left after the best rotation (Schönemann 1966; Ding, Denain and Steinhardt 2021). Unlike CKA it weighs small
    directions as well. Its chance level has no closed form: one shuffle of the examples, drawn from `seed`, stands
    for it (over that many examples it hardly varies).

    `representations`: each (n, d), d its own.
    """
    centred = [_rotated(_centred(rows)) for rows in representations]
    count, n = len(centred), len(centred[0])
    order = np.random.default_rng(seed).permutation(n)
    lengths = [np.square(rows).sum(axis=1) for rows in centred]
    shared, procrustes, shuffled = (np.full((count, count), np.nan) for _ in range(3))
    for i, first in enumerate(centred):
        for j, second in enumerate(centred[: i + 1]):
            if not (first.any() and second.any()):
                continue
            cross = first.T @ second
            shared[i, j] = shared[j, i] = _dependence(cross, lengths[i], lengths[j])
            procrustes[i, j] = procrustes[j, i] = _nuclear_norm(cross)
            if i != j:
                shuffled[i, j] = shuffled[j, i] = _nuclear_norm(first.T @ second[order])
    own = np.diag(shared)
    own = np.sqrt(np.where(own > 0, own, np.nan))
    cka = np.minimum(divide(shared, np.outer(own, own)), 1)
    return Alignment(cka, np.clip(procrustes, 0, 1), np.clip(shuffled, 0, 1))


def _dependence(cross: Floats, first: Floats, second: Floats) -> float:
    """The unbiased HSIC of linear kernels (Song et al. 2012, equation 5), times n (n - 3); NaN of fewer than 4.

    ``cross``: X'Y of centred columns, whose kernels have rows that sum to 0; ``first``, ``second``: (n,) their
    diagonals.
    """
    n = len(first)
    if n < 4:
        return float("nan")
    diagonal = float(first @ second)
    sums = float(first.sum() * second.sum()) / ((n - 1) * (n - 2))
    return float(np.square(cross).sum()) - diagonal + sums - 2 * diagonal / (n - 2)


def _nuclear_norm(matrix: Floats) -> float:
    """The sum of the singular values."""
    return float(np.linalg.svd(matrix, compute_uv=False).sum())


def _rotated(rows: Floats) -> Floats:
    """Without dimensions that n examples cannot fill: neither figure sees rotation, and the products are n x n then."""
    n, dimensions = rows.shape
    if dimensions <= n:
        return rows
    _, triangle = np.linalg.qr(rows.T)
    rotated: Floats = triangle.T
    return rotated


def _centred(rows: ArrayLike) -> Floats:
    """Columns with mean 0, scaled to a sum of squares of 1 in all (neither figure sees scale)."""
    table = np.asarray(rows, dtype=np.float64)
    constant = bool((table == table[0]).all())
    centred: Floats = np.zeros_like(table) if constant else table - table.mean(axis=0)
    size = np.linalg.norm(centred)
    return centred / size if size > 0 else centred
