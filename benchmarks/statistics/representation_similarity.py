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
    expected_cka: Floats
    procrustes: Floats
    expected_procrustes: Floats


def align(representations: Sequence[ArrayLike], *, seed: int) -> Alignment:
    """Compare every pair of representations of the same n examples.

    CKA = |X'Y|² / (|X'X| |Y'Y|) in Frobenius norms, for centred columns (Kornblith et al. 2019, section 3). Its
    chance level is the mean over all pairings of the examples of X with those of Y, tr(XX') tr(YY') / ((n - 1)
    |XX'| |YY'|): far above 0 where dimensions are many and examples few.

    Procrustes = the nuclear norm of X'Y, for centred X and Y of norm 1: 1 minus half the squared distance that is
    left after the best rotation (Schönemann 1966; Ding, Denain and Steinhardt 2021). Unlike CKA it weighs small
    directions as well. Its chance level has no closed form: one shuffle of the examples, drawn from `seed`, stands
    for it (over that many examples it hardly varies).

    `representations`: each (n, d), d its own.
    """
    centred = [_centred(rows) for rows in representations]
    count, n = len(centred), len(centred[0])
    order = np.random.default_rng(seed).permutation(n)
    spread = np.array([np.linalg.norm(rows.T @ rows) for rows in centred])
    traces = np.array([np.square(rows).sum() for rows in centred])
    cka, procrustes, shuffled = (np.full((count, count), np.nan) for _ in range(3))
    for i, first in enumerate(centred):
        for j, second in enumerate(centred[: i + 1]):
            if not (spread[i] and spread[j]):
                continue
            cross = first.T @ second
            cka[i, j] = cka[j, i] = np.square(cross).sum() / (spread[i] * spread[j])
            procrustes[i, j] = procrustes[j, i] = _nuclear_norm(cross)
            if i != j:
                shuffled[i, j] = shuffled[j, i] = _nuclear_norm(first.T @ second[order])
    expected = divide(np.outer(traces, traces), (n - 1) * np.outer(spread, spread)) if n > 1 else np.full_like(cka, 1.0)
    return Alignment(np.clip(cka, 0, 1), expected, np.clip(procrustes, 0, 1), np.clip(shuffled, 0, 1))


def _nuclear_norm(matrix: Floats) -> float:
    """The sum of the singular values."""
    return float(np.linalg.svd(matrix, compute_uv=False).sum())


def _centred(rows: ArrayLike) -> Floats:
    """Columns with mean 0, scaled to a sum of squares of 1 in all (neither figure sees scale)."""
    table = np.asarray(rows, dtype=np.float64)
    constant = bool((table == table[0]).all())
    centred: Floats = np.zeros_like(table) if constant else table - table.mean(axis=0)
    size = np.linalg.norm(centred)
    return centred / size if size > 0 else centred
