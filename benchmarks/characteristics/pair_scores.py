"""Scores of pairs of texts: does a deployment order the pairs as the data do, and as the reference does?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, estimates
from benchmarks.statistics.correlation import kendall, pearson
from benchmarks.statistics.ranking import rank_correlations


@dataclass(frozen=True)
class PairScoreQuality:
    """One deployment against the scores of the data, and against the reference."""

    spearman: Estimate
    """Spearman's rank correlation with the scores of the data, up to 1."""
    spearman_change: Estimate
    """That less the reference's, on the same pairs."""
    pearson: Estimate
    """Pearson's correlation with the scores of the data, up to 1."""
    with_reference: Estimate
    """Spearman's rank correlation with the scores that the reference gives, up to 1."""
    kendall_with_reference: Estimate
    """Kendall's tau-b with them, up to 1: a pair of pairs is in the same order in both in a share (1 + tau) / 2."""
    score_change: Estimate
    """Mean absolute change of the score that a pair is given, against the reference's."""


@dataclass(frozen=True)
class PairScores:
    """Scores that all deployments give the same pairs: similarities of embeddings, or outputs of a regression."""

    pairs: int
    """Pairs of texts."""
    deployments: dict[str, PairScoreQuality]
    """By deployment."""


def alike(scores: ArrayLike) -> NDArray[np.bool_]:
    """(n,) which pairs count as alike by the data: those in the upper half of its scale."""
    gold = np.asarray(scores, np.float64)
    return np.asarray(gold >= (gold.min() + gold.max()) / 2, np.bool_)


def found_alike(similarities: ArrayLike, count: int) -> NDArray[np.bool_]:
    """(n,) the ``count`` most similar pairs; of equal ones the first.

    A threshold of each deployment's own, at which it finds as many pairs alike as are: what another precision adds to
    all similarities is no error, what it does to their order is.
    """
    values = np.asarray(similarities, np.float64)
    most_similar = np.zeros(len(values), np.bool_)
    most_similar[np.argsort(-values, kind="stable")[:count]] = True
    return most_similar


def compare(
    predicted: Mapping[str, NDArray[np.floating]],
    scores: ArrayLike,
    groups: ArrayLike,
    *,
    reference: str,
    resamples: int,
    seed: int,
) -> PairScores:
    """Compare deployments on the same n pairs.

    Args:
        predicted: by deployment, (n,).
        scores: (n,) of the data.
        groups: (n,) labels; pairs of one group are resampled together.
        reference: the deployment that the others are held against.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        BenchmarkError: an unknown reference, or arrays of other lengths.
    """
    require_reference(reference, predicted)
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    gold: Floats = np.asarray(scores, np.float64)
    for name, own in predicted.items():
        if np.shape(own) != (bootstrap.n,):
            raise BenchmarkError(f"scores of {name}: shape {np.shape(own)}, expected ({bootstrap.n},)")
    base: Floats = np.asarray(predicted[reference], np.float64)
    qualities = {}
    for name, column in predicted.items():
        values: Floats = np.asarray(column, np.float64)
        # Pairs of (gold, reference, own): gold with reference, gold with own, reference with own.
        with_base, with_own, together = rank_correlations([gold, base, values], bootstrap).T
        columns = np.stack(
            [
                with_own,
                with_own - with_base,
                pearson(gold, values, bootstrap),
                together,
                kendall(base, values, bootstrap),
                bootstrap.means(np.abs(values - base))[:, 0],
            ],
            axis=1,
        )
        qualities[name] = PairScoreQuality(*estimates(columns))
    return PairScores(bootstrap.n, qualities)
