"""Ranking by scores: threshold, AUROC, AUPR, false positive rate and Spearman's correlation, with resamples.

A higher score means more in-distribution, and in-distribution is the positive class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.agreement import all_pairs
from benchmarks.statistics.bootstrap import Floats, GroupBootstrap, divide, number

TRUE_POSITIVE_RATE = 0.95
"""Where the false positive rate is read, by convention; it is no option, unlike the threshold's `kept`."""
_BLOCK_BYTES = 1 << 22
_ROUNDING = 1e-9


def keeping_threshold(scores: Floats, kept: float) -> float:
    """The highest score that at least a share `kept` of the scores reaches. A point below it is flagged."""
    if len(scores) == 0:
        raise BenchmarkError("no calibration points: the threshold needs at least one")
    return float(np.sort(scores)[int(_below(np.float64(len(scores)), kept))])


def _below(total: ArrayLike, kept: float) -> Floats:
    """How much of a total weight may lie below the threshold, safe from the rounding of 1 - 0.95."""
    weight = np.asarray(total, dtype=np.float64)
    return np.asarray(weight - kept * weight + _ROUNDING, dtype=np.float64)


@dataclass(frozen=True)
class Curves:
    """Each (rows,), the sample first.

    AUROC: the chance that an in-distribution point scores higher than an out-of-distribution one, ties counted half.
    FPR95: the share of out-of-distribution points that reach the highest score which 95 % of the in-distribution ones
    reach. AUPR: the average precision of detecting the out-of-distribution points by low scores; its chance level is
    their share.
    """

    auroc: Floats
    fpr95: Floats
    aupr: Floats


def roc_statistics(
    in_distribution: Floats, out_of_distribution: Floats, in_bootstrap: GroupBootstrap, ood_bootstrap: GroupBootstrap
) -> Curves:
    """The figures of a detector in the sample and in every row of the bootstraps.

    `in_distribution`: (n,), `out_of_distribution`: (o,) scores.
    """
    rows = in_bootstrap.rows
    step = max(1, _BLOCK_BYTES // (8 * (len(in_distribution) + len(out_of_distribution))))
    parts = []
    for start in range(0, rows, step):
        block = slice(start, start + step)
        parts.append(
            weighted_roc(
                in_distribution, out_of_distribution, in_bootstrap.of_examples(block), ood_bootstrap.of_examples(block)
            )
        )
    return Curves(
        np.concatenate([part.auroc for part in parts]),
        np.concatenate([part.fpr95 for part in parts]),
        np.concatenate([part.aupr for part in parts]),
    )


def weighted_roc(
    in_distribution: Floats, out_of_distribution: Floats, in_weights: Floats, ood_weights: Floats
) -> Curves:
    """`roc_statistics` under weights (rows, n) and (rows, o); NaN where a side has no weight."""
    in_order, ood_order = (np.argsort(in_distribution, kind="stable"), np.argsort(out_of_distribution, kind="stable"))
    in_sorted, ood_sorted = in_distribution[in_order], out_of_distribution[ood_order]
    below_in = _weight_before(in_weights[:, in_order])
    below_ood = _weight_before(ood_weights[:, ood_order])
    total_in, total_ood = below_in[:, -1], below_ood[:, -1]

    lower = below_ood[:, np.searchsorted(ood_sorted, in_sorted, side="left")]
    not_higher = below_ood[:, np.searchsorted(ood_sorted, in_sorted, side="right")]
    wins = np.einsum("rn,rn->r", in_weights[:, in_order], (lower + not_higher) / 2)
    area = divide(wins, total_in * total_ood)

    may_fall = _below(total_in, TRUE_POSITIVE_RATE)
    position = (below_in[:, :-1] <= may_fall[:, None]).sum(axis=1) - 1
    reached = np.searchsorted(ood_sorted, in_sorted, side="left")[position]
    passing = total_ood - below_ood[np.arange(len(reached)), reached]

    # Only at the score of an out-of-distribution point does their recall grow.
    steps = np.unique(ood_sorted)
    hits = below_ood[:, np.searchsorted(ood_sorted, steps, side="right")]
    alarms = below_in[:, np.searchsorted(in_sorted, steps, side="right")]
    precision = np.nan_to_num(divide(hits, hits + alarms))
    gained = np.diff(hits, axis=1, prepend=0.0)
    return Curves(area, divide(passing, total_ood), divide((gained * precision).sum(axis=1), total_ood))


def _weight_before(weights: Floats) -> Floats:
    """(rows, n + 1) weight before each position, and all of it at the end."""
    before: Floats = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=before[:, 1:])
    return before


def spearman(first: ArrayLike, second: ArrayLike) -> float | None:
    """Spearman's rank correlation of two columns (n,); None where one of them is constant."""
    columns = [np.asarray(column, np.float64) for column in (first, second)]
    ranks = [_Order.of(column).midranks(np.ones((1, len(column))))[0] for column in columns]
    centred = [column - column.mean() for column in ranks]
    return number(float(divide(centred[0] @ centred[1], np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))))


def rank_correlations(scores: list[Floats], bootstrap: GroupBootstrap) -> Floats:
    """Spearman's rank correlation of every pair, ranked anew in every resample: (1 + resamples, pairs).

    `scores`: for each deployment (n,). NaN where a deployment's scores are all equal.
    """
    first, second = all_pairs(len(scores))
    orders = [_Order.of(column) for column in scores]
    rows = len(bootstrap.weights)
    result: Floats = np.full((rows, len(first)), np.nan)
    step = max(1, _BLOCK_BYTES // (8 * bootstrap.n * len(scores)))
    for start in range(0, rows, step):
        block = slice(start, min(rows, start + step))
        weights = bootstrap.of_examples(block)
        share = divide(weights, weights.sum(axis=1, keepdims=True))
        ranks = np.stack([order.midranks(weights) for order in orders], axis=1)
        ranks -= np.einsum("rdn,rn->rd", ranks, share)[:, :, None]
        covariance = (ranks * share[:, None, :]) @ ranks.transpose(0, 2, 1)
        spread = np.sqrt(np.einsum("rdd->rd", covariance))
        result[block] = divide(covariance[:, first, second], spread[:, first] * spread[:, second])
    return np.clip(result, -1, 1)


@dataclass(frozen=True)
class _Order:
    """Where each of n scores stands: the sorting order, and the run of equal scores it belongs to."""

    order: NDArray[np.intp]
    start: NDArray[np.intp]
    end: NDArray[np.intp]

    @staticmethod
    def of(scores: Floats) -> _Order:
        ordered = np.sort(scores)
        return _Order(
            order=np.argsort(scores, kind="stable"),
            start=np.searchsorted(ordered, scores, side="left"),
            end=np.searchsorted(ordered, scores, side="right"),
        )

    def midranks(self, weights: Floats) -> Floats:
        """Ranks (rows, n) of the scores counted `weights` (rows, n) times; ties share their middle."""
        before = _weight_before(weights[:, self.order])
        return (before[:, self.start] + before[:, self.end]) / 2
