"""Characteristic 3: do two deployments find the same examples foreign to their training data?

The detector is deep nearest neighbours (Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest
Neighbors"). In-distribution is the positive class throughout, and a higher score means more at home.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.agreement import Estimate, Floats, GroupBootstrap, all_pairs, estimates, number, overlaps
from benchmarks.errors import BenchmarkError
from benchmarks.neighbours import distance_to_kth, unit_vectors
from benchmarks.ranking import keeping_threshold, rank_correlations, roc_statistics, weighted_roc


@dataclass(frozen=True)
class Detector:
    """A deployment's representations as a detector; its calibration points set the threshold."""

    threshold: float
    auroc: Estimate
    fpr95: Estimate
    detected: Estimate
    false_alarms: Estimate


@dataclass(frozen=True)
class DistributionPair:
    """Two deployments: the points they flag, outside (rightly) and inside (false alarms), and their order."""

    a: str
    b: str
    jaccard_outside: Estimate
    expected_jaccard_outside: float | None
    jaccard_inside: Estimate
    expected_jaccard_inside: float | None
    rank_correlation: Estimate
    rank_correlation_inside: Estimate


@dataclass(frozen=True)
class DataDistribution:
    k: int
    kept: float
    n_bank: int
    n_calibration: int
    n_inside: int
    n_outside: int
    detectors: dict[str, Detector]
    length_only_auroc: float
    pairs: list[DistributionPair]


def compare(
    bank: Mapping[str, NDArray[np.float32]],
    calibration: Mapping[str, NDArray[np.float32]],
    inside: Mapping[str, NDArray[np.float32]],
    outside: Mapping[str, NDArray[np.float32]],
    lengths: Mapping[str, ArrayLike],
    groups_inside: ArrayLike,
    groups_outside: ArrayLike,
    k: int,
    kept: float,
    resamples: int,
    seed: int,
) -> DataDistribution:
    """Compare every pair of deployments on the same points.

    Intervals resample inside and outside points, each by their groups; bank, calibration points and threshold
    stay.

    Args:
        bank: for each deployment, (m, d) representations of training points.
        calibration: (c, d) in-distribution points that set the threshold.
        inside: (n, d) in-distribution points that are judged.
        outside: (o, d) out-of-distribution points that are judged.
        lengths: "inside" (n,) and "outside" (o,), in tokens.
        groups_inside: (n,) labels; points of one group are resampled together.
        groups_outside: (o,) labels.
        k: which neighbour in the bank counts.
        kept: share of the calibration points that the threshold keeps.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        BenchmarkError: a bank smaller than k, NaN, different deployments or lengths.
    """
    names = list(bank)
    home = GroupBootstrap(groups_inside, resamples=resamples, seed=seed)
    # Another stream: inside and outside are drawn independently.
    abroad = GroupBootstrap(groups_outside, resamples=resamples, seed=seed + 1)
    judged = [_judge(name, bank, calibration, inside, outside, k, kept) for name in names]
    for judge, name in zip(judged, names, strict=True):
        for what, scores, expected in (
            ("inside", judge.inside, home.n),
            ("outside", judge.outside, abroad.n),
        ):
            if len(scores) != expected:
                raise BenchmarkError(f"{what} points of {name}: {len(scores)}, expected {expected} as in the groups")
    return DataDistribution(
        k=k,
        kept=kept,
        n_bank=len(bank[names[0]]),
        n_calibration=len(calibration[names[0]]),
        n_inside=home.n,
        n_outside=abroad.n,
        detectors=_detectors(names, judged, home, abroad),
        length_only_auroc=_length_only(lengths, home, abroad),
        pairs=_pairs(names, judged, home, abroad),
    )


@dataclass(frozen=True)
class _Judged:
    threshold: float
    inside: Floats
    outside: Floats

    @property
    def flagged_inside(self) -> NDArray[np.bool_]:
        return self.inside < self.threshold

    @property
    def flagged_outside(self) -> NDArray[np.bool_]:
        return self.outside < self.threshold


def _judge(
    name: str,
    bank: Mapping[str, NDArray[np.float32]],
    calibration: Mapping[str, NDArray[np.float32]],
    inside: Mapping[str, NDArray[np.float32]],
    outside: Mapping[str, NDArray[np.float32]],
    k: int,
    kept: float,
) -> _Judged:
    for what, points in (("calibration", calibration), ("inside", inside), ("outside", outside)):
        if name not in points:
            raise BenchmarkError(f"{name} has a bank but no {what} points: run it over that data set as well")
    known = unit_vectors(bank[name], name=f"{name} (bank)")
    scores = {}
    for what, points in (("calibration", calibration), ("inside", inside), ("outside", outside)):
        units = unit_vectors(points[name], name=f"{name} ({what})")
        if units.shape[1] != known.shape[1]:
            raise BenchmarkError(f"{what} points of {name} are {units.shape[1]} wide, its bank {known.shape[1]}")
        scores[what] = -distance_to_kth(units, known, k)
    return _Judged(keeping_threshold(scores["calibration"], kept), scores["inside"], scores["outside"])


def knn_scores(points: ArrayLike, bank: ArrayLike, k: int) -> Floats:
    """Sun et al.'s score: minus the distance of x / |x| to its k-th nearest neighbour in the bank.

    `points`: (n, d), `bank`: (m, d) with m >= k. Returns (n,) in [-2, 0].
    """
    return -distance_to_kth(unit_vectors(points, name="points"), unit_vectors(bank, name="bank"), k)


def _detectors(
    names: list[str], judged: list[_Judged], home: GroupBootstrap, abroad: GroupBootstrap
) -> dict[str, Detector]:
    detected = estimates(abroad.means(np.stack([judge.flagged_outside for judge in judged], axis=1)))
    alarms = estimates(home.means(np.stack([judge.flagged_inside for judge in judged], axis=1)))
    curves = [roc_statistics(judge.inside, judge.outside, home, abroad) for judge in judged]
    auroc = estimates(np.stack([area for area, _ in curves], axis=1))
    fpr95 = estimates(np.stack([rate for _, rate in curves], axis=1))
    return {
        name: Detector(judge.threshold, auroc[i], fpr95[i], detected[i], alarms[i])
        for i, (name, judge) in enumerate(zip(names, judged, strict=True))
    }


def _pairs(
    names: list[str], judged: list[_Judged], home: GroupBootstrap, abroad: GroupBootstrap
) -> list[DistributionPair]:
    out = overlaps(abroad, [judge.flagged_outside for judge in judged])
    alarm = overlaps(home, [judge.flagged_inside for judge in judged])
    jaccard_outside, jaccard_inside = (estimates(out.jaccard()), estimates(alarm.jaccard()))
    expected_outside, expected_inside = (out.expected_jaccard()[0], alarm.expected_jaccard()[0])
    ranks_outside = estimates(rank_correlations([judge.outside for judge in judged], abroad))
    ranks_inside = estimates(rank_correlations([judge.inside for judge in judged], home))
    first, second = all_pairs(len(names))
    return [
        DistributionPair(
            a=names[a],
            b=names[b],
            jaccard_outside=jaccard_outside[pair],
            expected_jaccard_outside=number(expected_outside[pair]),
            jaccard_inside=jaccard_inside[pair],
            expected_jaccard_inside=number(expected_inside[pair]),
            rank_correlation=ranks_outside[pair],
            rank_correlation_inside=ranks_inside[pair],
        )
        for pair, (a, b) in enumerate(zip(first, second, strict=True))
    ]


def _length_only(lengths: Mapping[str, ArrayLike], home: GroupBootstrap, abroad: GroupBootstrap) -> float:
    """AUROC of a detector that takes the longer point for foreign: 0.5 where length tells nothing."""
    inside, outside = (np.asarray(lengths[where], dtype=np.float64) for where in ("inside", "outside"))
    if inside.shape != (home.n,) or outside.shape != (abroad.n,):
        raise BenchmarkError(
            f"lengths: {inside.size} inside and {outside.size} outside, expected {home.n} and {abroad.n}"
        )
    area, _ = weighted_roc(-inside, -outside, np.ones((1, home.n)), np.ones((1, abroad.n)))
    return float(area[0])
