"""Characteristic 3: do two deployments find the same examples foreign to their training data?

The detector is deep nearest neighbours (Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest
Neighbors"). In-distribution is the positive class throughout, and a higher score means more at home.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.agreement import Overlaps, all_pairs, overlaps
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, estimates, number, proportions
from benchmarks.statistics.equivalence import Floors, Verdict, judge
from benchmarks.statistics.length_matching import LengthBins, LengthMatch
from benchmarks.statistics.nearest_neighbours import distance_to_kth, unit_vectors
from benchmarks.statistics.ranking import keeping_threshold, rank_correlations, roc_statistics, weighted_roc

Scores = Mapping[str, tuple[ArrayLike, ArrayLike]]
"""By deployment: scores of the inside points (n,) and of the outside points (o,), higher for more at home."""


@dataclass(frozen=True)
class Ranking:
    """How well scores rank inside above outside points."""

    auroc: Estimate
    fpr95: Estimate
    aupr: Estimate
    length_matched_auroc: Estimate | None


@dataclass(frozen=True)
class Detector(Ranking):
    """A deployment's representations as a detector; its calibration points set the threshold."""

    threshold: float
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
    """`baselines`: other scores by their name, then by deployment. `verdicts`: by measure ("outside", "inside"), on
    the flagged points that are not shared (1 - Jaccard)."""

    k: int
    kept: float
    n_bank: int
    n_calibration: int
    n_inside: int
    n_outside: int
    detectors: dict[str, Detector]
    baselines: dict[str, dict[str, Ranking]]
    length_only_auroc: float
    length_match: LengthMatch
    pairs: list[DistributionPair]
    verdicts: dict[str, dict[str, Verdict]]


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
    baselines: Mapping[str, Scores] | None = None,
    reference: str | None = None,
    floors: Floors | None = None,
    overlap_margin: float = 0.05,
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
        baselines: other scores to set beside the nearest neighbours, such as the maximum probability.
        reference: from which `floors` are judged; the first deployment when left out.
        floors: by deployment, the pairs that differ by noise alone; see `benchmarks.statistics.equivalence`.
        overlap_margin: loss of Jaccard that does not matter.

    Raises:
        BenchmarkError: a bank smaller than k, NaN, different deployments or lengths.
    """
    names = list(bank)
    home = GroupBootstrap(groups_inside, resamples=resamples, seed=seed)
    # Another stream: inside and outside are drawn independently.
    abroad = GroupBootstrap(groups_outside, resamples=resamples, seed=seed + 1)
    judged = [_judge(name, bank, calibration, inside, outside, k, kept) for name in names]
    for scored, name in zip(judged, names, strict=True):
        for what, scores, expected in (
            ("inside", scored.inside, home.n),
            ("outside", scored.outside, abroad.n),
        ):
            if len(scores) != expected:
                raise BenchmarkError(f"{what} points of {name}: {len(scores)}, expected {expected} as in the groups")
    ranker = _Ranker(lengths, home, abroad)
    flagged = {
        "outside": overlaps(abroad, [scored.flagged_outside for scored in judged]),
        "inside": overlaps(home, [scored.flagged_inside for scored in judged]),
    }
    first, second = all_pairs(len(names))
    places = [(names[a], names[b]) for a, b in zip(first, second, strict=True)]
    start = names.index(reference) if reference in names else 0
    at_reference = {"outside": judged[start].flagged_outside, "inside": judged[start].flagged_inside}
    return DataDistribution(
        k=k,
        kept=kept,
        n_bank=len(bank[names[0]]),
        n_calibration=len(calibration[names[0]]),
        n_inside=home.n,
        n_outside=abroad.n,
        detectors=_detectors(names, judged, ranker),
        baselines={
            what: {name: ranker.rank(name, *found) for name, found in scores.items()}
            for what, scores in (baselines or {}).items()
        },
        length_only_auroc=ranker.length_only,
        length_match=ranker.bins.match,
        pairs=_pairs(places, judged, flagged, home, abroad),
        verdicts={
            where: judge(
                bootstrap,
                dict(zip(places, (1 - flagged[where].jaccard()).T, strict=True)),
                names[start],
                floors or {},
                overlap_margin,
                int(at_reference[where].sum()),
            )
            for where, bootstrap in (("outside", abroad), ("inside", home))
        },
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


class _Ranker:
    """Figures of scores as detectors, all over the same points and resamples."""

    def __init__(self, lengths: Mapping[str, ArrayLike], home: GroupBootstrap, abroad: GroupBootstrap) -> None:
        inside, outside = (np.asarray(lengths[where], dtype=np.float64) for where in ("inside", "outside"))
        if inside.shape != (home.n,) or outside.shape != (abroad.n,):
            raise BenchmarkError(
                f"lengths: {inside.size} inside and {outside.size} outside, expected {home.n} and {abroad.n}"
            )
        self.home, self.abroad = home, abroad
        self.bins = LengthBins(inside, outside)
        curves = weighted_roc(-inside, -outside, np.ones((1, home.n)), np.ones((1, abroad.n)))
        self.length_only = float(curves.auroc[0])
        """AUROC of a detector that takes the longer point for foreign: 0.5 where length tells nothing."""

    def rank(self, name: str, inside: ArrayLike, outside: ArrayLike) -> Ranking:
        at_home, away = np.asarray(inside, dtype=np.float64), np.asarray(outside, dtype=np.float64)
        for what, scores, expected in (("inside", at_home, self.home.n), ("outside", away, self.abroad.n)):
            if scores.shape != (expected,) or not np.isfinite(scores).all():
                raise BenchmarkError(f"{what} scores of {name}: expected {expected} finite numbers")
        curves = roc_statistics(at_home, away, self.home, self.abroad)
        auroc, fpr95, aupr = estimates(np.stack([curves.auroc, curves.fpr95, curves.aupr], axis=1))
        matched = self.bins.auroc(at_home, away, self.home, self.abroad)
        return Ranking(auroc, fpr95, aupr, None if matched is None else estimates(matched[:, None])[0])


def _detectors(names: list[str], judged: list[_Judged], ranker: _Ranker) -> dict[str, Detector]:
    home, abroad = ranker.home, ranker.abroad
    detected = proportions(abroad.means(np.stack([scored.flagged_outside for scored in judged], axis=1)), abroad.count)
    alarms = proportions(home.means(np.stack([scored.flagged_inside for scored in judged], axis=1)), home.count)
    return {
        name: Detector(
            **vars(ranker.rank(name, scored.inside, scored.outside)),
            threshold=scored.threshold,
            detected=detected[i],
            false_alarms=alarms[i],
        )
        for i, (name, scored) in enumerate(zip(names, judged, strict=True))
    }


def _pairs(
    places: list[tuple[str, str]],
    judged: list[_Judged],
    flagged: Mapping[str, Overlaps],
    home: GroupBootstrap,
    abroad: GroupBootstrap,
) -> list[DistributionPair]:
    jaccards = {where: estimates(counts.jaccard()) for where, counts in flagged.items()}
    expected = {where: counts.expected_jaccard()[0] for where, counts in flagged.items()}
    ranks_outside = estimates(rank_correlations([scored.outside for scored in judged], abroad))
    ranks_inside = estimates(rank_correlations([scored.inside for scored in judged], home))
    return [
        DistributionPair(
            a=a,
            b=b,
            jaccard_outside=jaccards["outside"][pair],
            expected_jaccard_outside=number(expected["outside"][pair]),
            jaccard_inside=jaccards["inside"][pair],
            expected_jaccard_inside=number(expected["inside"][pair]),
            rank_correlation=ranks_outside[pair],
            rank_correlation_inside=ranks_inside[pair],
        )
        for pair, (a, b) in enumerate(places)
    ]
