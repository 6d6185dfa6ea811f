"""Similarity of pairs: does a deployment find the same pairs alike, and in the same order as people do?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, estimates
from benchmarks.statistics.ranking import rank_correlations


@dataclass(frozen=True)
class SimilarityQuality:
    """One deployment against the scores of the data, and against the reference."""

    spearman: Estimate
    """Spearman's rank correlation with the scores of the data, up to 1."""
    spearman_change: Estimate
    """That less the reference's, on the same pairs."""
    with_reference: Estimate
    """Spearman's rank correlation with the reference's similarities, up to 1."""
    score_change: Estimate
    """Mean absolute change of a pair's similarity against the reference's."""


@dataclass(frozen=True)
class Similarity:
    """Similarities of the same pairs by all deployments."""

    pairs: int
    """Pairs of texts."""
    deployments: dict[str, SimilarityQuality]
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
    found = np.zeros(len(values), np.bool_)
    found[np.argsort(-values, kind="stable")[:count]] = True
    return found


def compare(
    similarities: Mapping[str, NDArray[np.floating]],
    scores: ArrayLike,
    groups: ArrayLike,
    *,
    reference: str,
    resamples: int,
    seed: int,
) -> Similarity:
    """Compare deployments on the same n pairs.

    Args:
        similarities: by deployment, (n,).
        scores: (n,) of the data.
        groups: (n,) labels; pairs of one group are resampled together.
        reference: the deployment that the others are held against.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        BenchmarkError: an unknown reference, or arrays of other lengths.
    """
    if reference not in similarities:
        raise BenchmarkError(f"reference {reference!r} is none of the deployments: {', '.join(similarities)}")
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    gold: Floats = np.asarray(scores, np.float64)
    for name, own in similarities.items():
        if np.shape(own) != (bootstrap.n,):
            raise BenchmarkError(f"similarities of {name}: shape {np.shape(own)}, expected ({bootstrap.n},)")
    base: Floats = np.asarray(similarities[reference], np.float64)
    found = {}
    for name, column in similarities.items():
        values: Floats = np.asarray(column, np.float64)
        # Pairs of (gold, reference, own): gold with reference, gold with own, reference with own.
        with_base, with_own, together = rank_correlations([gold, base, values], bootstrap).T
        columns = np.stack([with_own, with_own - with_base, together, _mean(bootstrap, np.abs(values - base))], axis=1)
        found[name] = SimilarityQuality(*estimates(columns))
    return Similarity(bootstrap.n, found)


def _mean(bootstrap: GroupBootstrap, values: Floats) -> Floats:
    return np.asarray(bootstrap.means(values)[:, 0])
