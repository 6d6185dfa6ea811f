"""Characteristic 3: do two deployments find the same examples out-of-distribution?

The detector is deep nearest neighbours (Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest
Neighbors"). In-distribution is the positive class throughout, and a higher score means more in-distribution.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.agreement import Overlaps, Symmetric, all_pairs, overlaps
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, estimates, number
from benchmarks.statistics.equivalence import OVERLAP_MARGIN, Floors, Verdict, judge
from benchmarks.statistics.length_matching import LengthBins, LengthMatch
from benchmarks.statistics.nearest_neighbours import distance_to_kth, unit_vectors
from benchmarks.statistics.ranking import keeping_threshold, rank_correlations, roc_statistics, weighted_roc
from benchmarks.statistics.shares import overlaps_of_sets, shares

Scores = Mapping[str, tuple[ArrayLike, ArrayLike]]
"""By deployment: scores of the in-distribution points (n,) and of the out-of-distribution points (o,), higher for more
in-distribution."""

IN, OUT = "in_distribution", "out_of_distribution"


@dataclass(frozen=True)
class Ranking:
    """How well scores rank in-distribution above out-of-distribution points. Shares, 0 to 1."""

    auroc: Estimate
    """Area under the ROC curve; 0.5 is guessing."""
    fpr95: Estimate
    """Share of out-of-distribution points kept where 95 % of the in-distribution ones are."""
    aupr: Estimate
    """Area under the curve of precision over recall."""
    length_matched_auroc: Estimate | None
    """AUROC among points of like length; None: too few points have a partner."""


@dataclass(frozen=True)
class Detector(Ranking):
    """A deployment's representations as a detector; its calibration points set the threshold."""

    # Named anew for the JSON schema, which has the docstrings of a class's own fields alone.
    auroc: Estimate
    """Area under the ROC curve; 0.5 is guessing."""
    fpr95: Estimate
    """Share of out-of-distribution points kept where 95 % of the in-distribution ones are."""
    aupr: Estimate
    """Area under the curve of precision over recall."""
    length_matched_auroc: Estimate | None
    """AUROC among points of like length; None: too few points have a partner."""
    threshold: float
    """Scores below it are flagged: minus a distance of unit vectors, -2 to 0."""
    detected: Estimate
    """Share of out-of-distribution points that are flagged."""
    false_alarms: Estimate
    """Share of in-distribution points that are flagged."""


@dataclass(frozen=True)
class DistributionPair(Symmetric):
    """Do two deployments flag the same points as out-of-distribution, and rank them alike?"""

    a: str
    """Name of a deployment."""
    b: str
    """Name of another."""
    jaccard_out_of_distribution: Estimate
    """Overlap of the out-of-distribution points detected, 0 to 1."""
    expected_jaccard_out_of_distribution: float | None
    """That overlap for independent detectors of the same counts; None: neither flags any."""
    jaccard_in_distribution: Estimate
    """Overlap of the false alarms, 0 to 1."""
    expected_jaccard_in_distribution: float | None
    """That overlap for independent detectors of the same counts; None: neither flags any."""
    rank_correlation: Estimate
    """Spearman's correlation of the scores of out-of-distribution points, -1 to 1."""
    rank_correlation_in_distribution: Estimate
    """Spearman's correlation of the scores of in-distribution points, -1 to 1."""


@dataclass(frozen=True)
class DistributionVerdicts:
    """What was concluded of the flagged points that are not shared (1 - Jaccard) against their floors, by
    deployment."""

    out_of_distribution: dict[str, Verdict]
    """Of the out-of-distribution points detected."""
    in_distribution: dict[str, Verdict]
    """Of the false alarms."""


@dataclass(frozen=True)
class DataDistribution:
    """Out-of-distribution detection by every deployment on the same points."""

    k: int
    """Which nearest neighbour in the bank counts."""
    kept: float
    """Share of the calibration points that the threshold keeps, 0 to 1."""
    n_bank: int
    """Training points in the bank."""
    n_calibration: int
    """In-distribution points that set the threshold."""
    n_in_distribution: int
    """In-distribution points that are judged."""
    n_out_of_distribution: int
    """Out-of-distribution points that are judged."""
    detectors: dict[str, Detector]
    """By deployment."""
    baselines: dict[str, dict[str, Ranking]]
    """Other scores, by their name, then by deployment."""
    length_only_auroc: float
    """AUROC of a detector that takes the longer point for out-of-distribution, 0 to 1; 0.5: length tells nothing."""
    length_match: LengthMatch
    """Points of like length in both data sets."""
    pairs: list[DistributionPair]
    """Every pair of deployments."""
    verdicts: DistributionVerdicts
    """Flagged points that are not shared with the reference, against their floors."""


def compare(
    bank: Mapping[str, NDArray[np.float32]],
    calibration: Mapping[str, NDArray[np.float32]],
    in_distribution: Mapping[str, NDArray[np.float32]],
    out_of_distribution: Mapping[str, NDArray[np.float32]],
    lengths: Mapping[str, ArrayLike],
    groups_in_distribution: ArrayLike,
    groups_out_of_distribution: ArrayLike,
    k: int,
    kept: float,
    resamples: int,
    seed: int,
    baselines: Mapping[str, Scores] | None = None,
    reference: str | None = None,
    floors: Floors | None = None,
    overlap_margin: float = OVERLAP_MARGIN,
) -> DataDistribution:
    """Compare every pair of deployments on the same points.

    Intervals resample in-distribution and out-of-distribution points, each by their groups; bank, calibration points
    and threshold stay.

    Args:
        bank: for each deployment, (m, d) representations of training points.
        calibration: (c, d) in-distribution points that set the threshold.
        in_distribution: (n, d) in-distribution points that are judged.
        out_of_distribution: (o, d) out-of-distribution points that are judged.
        lengths: `IN` (n,) and `OUT` (o,), in tokens.
        groups_in_distribution: (n,) labels; points of one group are resampled together.
        groups_out_of_distribution: (o,) labels.
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
    in_bootstrap = GroupBootstrap(groups_in_distribution, resamples=resamples, seed=seed)
    # Another stream: the two data sets are drawn independently.
    ood_bootstrap = GroupBootstrap(groups_out_of_distribution, resamples=resamples, seed=seed + 1)
    judged = [_judge(name, bank, calibration, in_distribution, out_of_distribution, k, kept) for name in names]
    for scored, name in zip(judged, names, strict=True):
        for what, scores, expected in (
            (IN, scored.in_distribution, in_bootstrap.n),
            (OUT, scored.out_of_distribution, ood_bootstrap.n),
        ):
            if len(scores) != expected:
                raise BenchmarkError(f"{what} points of {name}: {len(scores)}, expected {expected} as in the groups")
    ranker = _Ranker(lengths, in_bootstrap, ood_bootstrap)
    sides = {
        OUT: (ood_bootstrap, [scored.flagged_out_of_distribution for scored in judged]),
        IN: (in_bootstrap, [scored.flagged_in_distribution for scored in judged]),
    }
    flagged = {where: _Flagged.of(bootstrap, members) for where, (bootstrap, members) in sides.items()}
    first, second = all_pairs(len(names))
    places = [(names[a], names[b]) for a, b in zip(first, second, strict=True)]
    start = names.index(reference) if reference in names else 0
    return DataDistribution(
        k=k,
        kept=kept,
        n_bank=len(bank[names[0]]),
        n_calibration=len(calibration[names[0]]),
        n_in_distribution=in_bootstrap.n,
        n_out_of_distribution=ood_bootstrap.n,
        detectors=_detectors(names, judged, ranker),
        baselines={
            what: {name: ranker.rank(name, *point_scores) for name, point_scores in scores.items()}
            for what, scores in (baselines or {}).items()
        },
        length_only_auroc=ranker.length_only,
        length_match=ranker.bins.match,
        pairs=_pairs(places, judged, flagged, in_bootstrap, ood_bootstrap),
        verdicts=DistributionVerdicts(
            **{
                where: judge(
                    dict(zip(places, (1 - flags.counts.jaccard()).T, strict=True)),
                    names[start],
                    floors or {},
                    overlap_margin,
                    examples=sides[where][0].n,
                    sizes=dict(zip(places, map(float, flags.sizes), strict=True)),
                )
                for where, flags in flagged.items()
            }
        ),
    )


@dataclass(frozen=True)
class _DetectorScores:
    threshold: float
    in_distribution: Floats
    out_of_distribution: Floats

    @property
    def flagged_in_distribution(self) -> NDArray[np.bool_]:
        return self.in_distribution < self.threshold

    @property
    def flagged_out_of_distribution(self) -> NDArray[np.bool_]:
        return self.out_of_distribution < self.threshold


def _judge(
    name: str,
    bank: Mapping[str, NDArray[np.float32]],
    calibration: Mapping[str, NDArray[np.float32]],
    in_distribution: Mapping[str, NDArray[np.float32]],
    out_of_distribution: Mapping[str, NDArray[np.float32]],
    k: int,
    kept: float,
) -> _DetectorScores:
    for what, points in (("calibration", calibration), (IN, in_distribution), (OUT, out_of_distribution)):
        if name not in points:
            raise BenchmarkError(f"{name} has a bank but no {what} points: run it over that data set as well")
    known = unit_vectors(bank[name], name=f"{name} (bank)")
    scores = {}
    for what, points in (("calibration", calibration), (IN, in_distribution), (OUT, out_of_distribution)):
        units = unit_vectors(points[name], name=f"{name} ({what})")
        if units.shape[1] != known.shape[1]:
            raise BenchmarkError(f"{what} points of {name} are {units.shape[1]} wide, its bank {known.shape[1]}")
        scores[what] = -distance_to_kth(units, known, k)
    return _DetectorScores(keeping_threshold(scores["calibration"], kept), scores[IN], scores[OUT])


class _Ranker:
    """Figures of scores as detectors, all over the same points and resamples."""

    def __init__(
        self, lengths: Mapping[str, ArrayLike], in_bootstrap: GroupBootstrap, ood_bootstrap: GroupBootstrap
    ) -> None:
        in_distribution, out_of_distribution = (np.asarray(lengths[where], dtype=np.float64) for where in (IN, OUT))
        if in_distribution.shape != (in_bootstrap.n,) or out_of_distribution.shape != (ood_bootstrap.n,):
            raise BenchmarkError(
                f"lengths: {in_distribution.size} in-distribution and {out_of_distribution.size} out-of-distribution, "
                f"expected {in_bootstrap.n} and {ood_bootstrap.n}"
            )
        self.in_bootstrap, self.ood_bootstrap = in_bootstrap, ood_bootstrap
        self.bins = LengthBins(in_distribution, out_of_distribution)
        curves = weighted_roc(
            -in_distribution, -out_of_distribution, np.ones((1, in_bootstrap.n)), np.ones((1, ood_bootstrap.n))
        )
        self.length_only = float(curves.auroc[0])
        """AUROC of a detector that takes the longer point for out-of-distribution: 0.5 where length tells nothing."""

    def rank(self, name: str, in_distribution: ArrayLike, out_of_distribution: ArrayLike) -> Ranking:
        in_scores, ood_scores = (
            np.asarray(in_distribution, dtype=np.float64),
            np.asarray(out_of_distribution, dtype=np.float64),
        )
        for what, scores, expected in ((IN, in_scores, self.in_bootstrap.n), (OUT, ood_scores, self.ood_bootstrap.n)):
            if scores.shape != (expected,) or not np.isfinite(scores).all():
                raise BenchmarkError(f"{what} scores of {name}: expected {expected} finite numbers")
        curves = roc_statistics(in_scores, ood_scores, self.in_bootstrap, self.ood_bootstrap)
        auroc, fpr95, aupr = estimates(np.stack([curves.auroc, curves.fpr95, curves.aupr], axis=1))
        matched = self.bins.auroc(in_scores, ood_scores, self.in_bootstrap, self.ood_bootstrap)
        return Ranking(auroc, fpr95, aupr, None if matched is None else estimates(matched[:, None])[0])


def _detectors(names: list[str], judged: list[_DetectorScores], ranker: _Ranker) -> dict[str, Detector]:
    in_bootstrap, ood_bootstrap = ranker.in_bootstrap, ranker.ood_bootstrap
    detected, alarms = (
        shares(bootstrap, np.stack(flagged, axis=1), np.ones(bootstrap.n, dtype=np.bool_))
        for bootstrap, flagged in (
            (ood_bootstrap, [scored.flagged_out_of_distribution for scored in judged]),
            (in_bootstrap, [scored.flagged_in_distribution for scored in judged]),
        )
    )
    return {
        name: Detector(
            **vars(ranker.rank(name, scored.in_distribution, scored.out_of_distribution)),
            threshold=scored.threshold,
            detected=detected[i],
            false_alarms=alarms[i],
        )
        for i, (name, scored) in enumerate(zip(names, judged, strict=True))
    }


@dataclass(frozen=True)
class _Flagged:
    """Overlaps of the flagged points of every pair of deployments."""

    counts: Overlaps
    jaccards: list[Estimate]
    sizes: Floats
    """(pairs,) effective numbers of the points that either flags."""

    @classmethod
    def of(cls, bootstrap: GroupBootstrap, members: list[NDArray[np.bool_]]) -> _Flagged:
        table = np.stack(members, axis=1)
        first, second = all_pairs(len(members))
        both, either = table[:, first] & table[:, second], table[:, first] | table[:, second]
        return cls(overlaps(bootstrap, members), *overlaps_of_sets(bootstrap, both, either))


def _pairs(
    places: list[tuple[str, str]],
    judged: list[_DetectorScores],
    flagged: Mapping[str, _Flagged],
    in_bootstrap: GroupBootstrap,
    ood_bootstrap: GroupBootstrap,
) -> list[DistributionPair]:
    jaccards = {where: flags.jaccards for where, flags in flagged.items()}
    expected = {where: flags.counts.expected_jaccard()[0] for where, flags in flagged.items()}
    ranks_out_of_distribution = estimates(
        rank_correlations([scored.out_of_distribution for scored in judged], ood_bootstrap)
    )
    ranks_in_distribution = estimates(rank_correlations([scored.in_distribution for scored in judged], in_bootstrap))
    return [
        DistributionPair(
            a=a,
            b=b,
            jaccard_out_of_distribution=jaccards[OUT][pair],
            expected_jaccard_out_of_distribution=number(expected[OUT][pair]),
            jaccard_in_distribution=jaccards[IN][pair],
            expected_jaccard_in_distribution=number(expected[IN][pair]),
            rank_correlation=ranks_out_of_distribution[pair],
            rank_correlation_in_distribution=ranks_in_distribution[pair],
        )
        for pair, (a, b) in enumerate(places)
    ]


def negative_energy(logits: Sequence[NDArray[np.floating]]) -> Floats:
    """(n,) log sum exp of the logits at temperature 1 (Liu et al. 2020); of several rows, the sum.

    It is minus the energy, so that a higher score means more in-distribution.
    """
    from scipy.special import logsumexp

    alike: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)  # SciPy's call takes longer than a row's work
    for place, rows in enumerate(logits):
        alike[rows.shape].append(place)
    energies = np.empty(len(logits))
    for places in alike.values():
        energies[places] = logsumexp(np.stack([logits[place] for place in places]), axis=2).sum(axis=1)
    return energies
