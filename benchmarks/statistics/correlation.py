"""Correlations of two columns of scores, with resamples: Pearson's r and Kendall's tau-b.

Spearman's, of ranks, is `benchmarks.statistics.ranking.rank_correlations`.
"""

from __future__ import annotations

import numpy as np

from benchmarks.statistics.bootstrap import Floats, GroupBootstrap, divide

_BLOCK = 512
"""Examples whose pairs with all others are in memory at a time."""


def pearson(first: Floats, second: Floats, bootstrap: GroupBootstrap) -> Floats:
    """(rows,) in the sample and in every row of the bootstrap; NaN where a column is constant.

    `first`, `second`: (n,).
    """
    # A correlation knows neither origin nor unit: near 0 and 1 the sums of squares lose nothing.
    x, y = ((column - column.mean()) / (column.std() or 1.0) for column in (first, second))
    mean = bootstrap.means(np.stack([x, y, x * x, y * y, x * y], axis=1)).T
    spread = np.sqrt(np.maximum(mean[2] - mean[0] ** 2, 0) * np.maximum(mean[3] - mean[1] ** 2, 0))
    return np.clip(divide(mean[4] - mean[0] * mean[1], spread), -1, 1)


def kendall(first: Floats, second: Floats, bootstrap: GroupBootstrap) -> Floats:
    """As `pearson`, tau-b (Kendall 1945): concordant less discordant pairs, of those without a tie in either column.

    A resample in which an example occurs twice has a pair of equals in it, a tie in both columns. Takes n² per row.
    """
    weights = bootstrap.of_examples()
    narrow = weights.astype(np.float32)  # whole numbers, exact up to 2^24
    concordant: Floats = np.zeros(len(weights))
    for start in range(0, bootstrap.n, _BLOCK):
        block = slice(start, start + _BLOCK)
        signs = [np.sign(column[block, None] - column).astype(np.float32) for column in (first, second)]
        beside = narrow @ (signs[0] * signs[1]).T
        concordant += np.einsum("rb,rb->r", weights[:, block], beside.astype(np.float64))
    apart = [_apart(column, weights) for column in (first, second)]
    return np.clip(divide(concordant, np.sqrt(apart[0] * apart[1])), -1, 1)


def _apart(column: Floats, weights: Floats) -> Floats:
    """(rows,) the weight of the ordered pairs of examples that are no tie in ``column``."""
    order = np.argsort(column, kind="stable")
    starts = np.flatnonzero(np.diff(column[order], prepend=np.nan) != 0)
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    return np.asarray(weights.sum(axis=1) ** 2 - np.square(tied).sum(axis=1), np.float64)
