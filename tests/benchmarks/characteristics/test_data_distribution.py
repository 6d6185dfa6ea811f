"""Data distribution against Sun et al.'s formula, scikit-learn, scipy and simulation."""

import json
from dataclasses import asdict

import faiss
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.stats import spearmanr
from sklearn.metrics import jaccard_score, roc_auc_score

from benchmarks.characteristics.data_distribution import compare
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate, GroupBootstrap
from benchmarks.statistics.equivalence import Floor
from benchmarks.statistics.nearest_neighbours import distance_to_kth, unit_vectors
from benchmarks.statistics.ranking import keeping_threshold, roc_statistics


def knn_scores(points: ArrayLike, bank: ArrayLike, k: int) -> NDArray[np.float64]:
    """Sun et al.'s score, (n,): minus the distance of x / |x| to its k-th nearest neighbour in the bank."""
    return -distance_to_kth(unit_vectors(points, name="points"), unit_vectors(bank, name="bank"), k)


def cloud(n, d, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) + shift).astype(np.float32)


def study(deployments=("large", "small"), n=60, shift=0.6):
    """In-distribution points lie about (1, 0, 0, ...), the others are turned away from it."""
    parts = {}
    for part, size, seed in (
        ("bank", 200, 0),
        ("calibration", 80, 1),
        ("in_distribution", n, 2),
        ("out_of_distribution", n + 10, 3),
    ):
        away = shift if part == "out_of_distribution" else 0.0
        home = np.zeros(12) + away
        home[0] = 2 - away
        parts[part] = {
            name: cloud(size, 12, 10 * seed + number) + home.astype(np.float32)
            for number, name in enumerate(deployments)
        }
    return parts


def run(parts, *, k=10, kept=0.95, resamples=100, lengths=None, **options):
    n = len(next(iter(parts["in_distribution"].values())))
    m = len(next(iter(parts["out_of_distribution"].values())))
    lengths = lengths or {"in_distribution": np.arange(n), "out_of_distribution": np.arange(m)}
    return compare(
        **parts,
        lengths=lengths,
        groups_in_distribution=np.arange(n) // 3,
        groups_out_of_distribution=np.arange(m) // 3,
        k=k,
        kept=kept,
        resamples=resamples,
        seed=0,
        **options,
    )


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_the_reference(seed):
    """The published code negates the *squared* distance to the k-th neighbour, the paper the distance.

    Both order points alike, so AUROC and FPR95 are the same.
    """
    rng = np.random.default_rng(seed)
    d, k = int(rng.integers(8, 200)), 50
    bank, inside, outside = (
        (rng.standard_normal((size, d)) * 5 + shift).astype(np.float32)
        for size, shift in ((500, 1.0), (400, 1.0), (300, 0.3))
    )
    index = faiss.IndexFlatL2(d)
    index.add(bank / np.linalg.norm(bank, axis=1, keepdims=True))
    squared = [
        -index.search(points / np.linalg.norm(points, axis=1, keepdims=True), k)[0][:, -1]
        for points in (inside, outside)
    ]
    ours = [knn_scores(points, bank, k) for points in (inside, outside)]
    for mine, theirs in zip(ours, squared, strict=True):
        np.testing.assert_allclose(-np.square(mine), theirs, atol=2e-6)
    home, abroad = (GroupBootstrap(np.arange(size), resamples=1, seed=0) for size in (400, 300))
    curves = roc_statistics(ours[0], ours[1], home, abroad)
    area, rate = curves.auroc, curves.fpr95
    labels = np.repeat([1, 0], [400, 300])
    assert area[0] == pytest.approx(roc_auc_score(labels, np.concatenate(squared)), abs=1e-4)
    # Its threshold is the score of rank 0.05 n, and what lies above it passes.
    threshold = np.sort(squared[0])[round(0.05 * 400)]
    assert rate[0] == pytest.approx((squared[1] > threshold).mean(), abs=1 / 300 + 1e-9)


def test_every_figure_of_a_comparison():
    parts = study()
    found = run(parts)
    scores = {
        part: {name: knn_scores(rows, parts["bank"][name], 10) for name, rows in parts[part].items()}
        for part in ("calibration", "in_distribution", "out_of_distribution")
    }
    flagged = {}
    for name, detector in found.detectors.items():
        assert detector.threshold == keeping_threshold(scores["calibration"][name], 0.95)
        for part in ("in_distribution", "out_of_distribution"):
            flagged[part, name] = scores[part][name] < detector.threshold
        assert detector.detected.value == pytest.approx(flagged["out_of_distribution", name].mean())
        assert detector.false_alarms.value == pytest.approx(flagged["in_distribution", name].mean())
        labels = np.repeat([1, 0], [60, 70])
        both = np.concatenate([scores["in_distribution"][name], scores["out_of_distribution"][name]])
        assert detector.auroc.value == pytest.approx(roc_auc_score(labels, both))
        assert detector.auroc.low < detector.auroc.value < detector.auroc.high
    [pair] = found.pairs
    assert (pair.a, pair.b) == ("large", "small")
    for part, measured, correlation in (
        ("out_of_distribution", pair.jaccard_out_of_distribution, pair.rank_correlation),
        ("in_distribution", pair.jaccard_in_distribution, pair.rank_correlation_in_distribution),
    ):
        assert measured.value == pytest.approx(jaccard_score(flagged[part, "large"], flagged[part, "small"]))
        expected = spearmanr(scores[part]["large"], scores[part]["small"]).statistic
        assert correlation.value == pytest.approx(expected)
    sizes = (found.n_bank, found.n_calibration, found.n_in_distribution, found.n_out_of_distribution)
    assert sizes == (200, 80, 60, 70)
    json.dumps(asdict(found), allow_nan=False)


def test_length_alone():
    parts = study()
    short, long = np.full(60, 10), np.full(70, 500)
    assert run(parts, lengths={"in_distribution": short, "out_of_distribution": long}).length_only_auroc == 1
    assert (
        run(
            parts, lengths={"in_distribution": long[:60], "out_of_distribution": short.repeat(2)[:70]}
        ).length_only_auroc
        == 0
    )
    assert (
        run(parts, lengths={"in_distribution": short, "out_of_distribution": np.full(70, 10)}).length_only_auroc == 0.5
    )


def test_all_flagged_and_none_flagged():
    parts = study(deployments=("a", "b"))
    inward = np.zeros(12, dtype=np.float32)
    inward[0] = 9
    for name in ("a", "b"):
        parts["bank"][name] = inward + 0.01 * parts["bank"][name]
        parts["calibration"][name] = inward + 0.01 * parts["calibration"][name]
        parts["in_distribution"][name] = np.tile(parts["bank"][name].mean(axis=0), (60, 1))
        parts["out_of_distribution"][name] = -parts["bank"][name][:70]
    found = run(parts)
    assert found.detectors["a"].detected.value == found.detectors["a"].detected.high == 1.0
    assert found.detectors["a"].detected.low < 0.95  # all of 70 points: not certain for that
    assert found.detectors["a"].auroc == Estimate(1.0, 1.0, 1.0)
    assert found.detectors["a"].fpr95 == Estimate(0.0, 0.0, 0.0)
    assert found.detectors["a"].false_alarms.value == found.detectors["a"].false_alarms.low == 0.0
    [pair] = found.pairs
    assert pair.jaccard_out_of_distribution.value == pair.expected_jaccard_out_of_distribution == 1
    assert pair.jaccard_in_distribution.value is None
    assert pair.expected_jaccard_in_distribution is None
    assert pair.rank_correlation_in_distribution.value is None
    json.dumps(asdict(found), allow_nan=False)


def test_both_data_sets_are_drawn_independently():
    """The same points on both sides: drawn together, every resample would have an AUROC of exactly 0.5."""
    parts = study()
    auroc = run({**parts, "out_of_distribution": parts["in_distribution"]}).detectors["large"].auroc
    assert auroc.value == 0.5
    assert auroc.low < 0.5 < auroc.high


def test_one_call_gives_one_result():
    parts = study()
    assert run(parts) == run(parts)


def test_bad_input_is_one_line():
    parts = study()
    with pytest.raises(BenchmarkError, match="k = 201 neighbours in a bank of 200 points"):
        run(parts, k=201)
    with pytest.raises(
        BenchmarkError, match="lengths: 1 in-distribution and 2 out-of-distribution, expected 60 and 70"
    ):
        run(parts, lengths={"in_distribution": [1], "out_of_distribution": [1, 2]})
    lacking = {**parts, "out_of_distribution": {"large": parts["out_of_distribution"]["large"]}}
    with pytest.raises(BenchmarkError, match="small has a bank but no out_of_distribution points"):
        run(lacking)
    uneven = {
        **parts,
        "in_distribution": {"large": parts["in_distribution"]["large"], "small": parts["in_distribution"]["small"][:5]},
    }
    with pytest.raises(BenchmarkError, match="in_distribution points of small: 5, expected 60"):
        run(uneven)
    broken = {**parts, "in_distribution": {**parts["in_distribution"], "small": np.full((60, 12), np.nan)}}
    with pytest.raises(BenchmarkError, match=r"small \(in_distribution\): 60 of 60 rows have NaN"):
        run(broken)
    other_width = {**parts, "in_distribution": {**parts["in_distribution"], "small": cloud(60, 7, 0)}}
    with pytest.raises(BenchmarkError, match="in_distribution points of small are 7 wide, its bank 12"):
        run(other_width)


def test_other_scores_and_floors():
    parts = study()
    rng = np.random.default_rng(0)
    n, o = (len(next(iter(parts[part].values()))) for part in ("in_distribution", "out_of_distribution"))
    confidence = {name: (rng.random(n), rng.random(o) - 0.5) for name in parts["bank"]}
    floors = {"small": Floor("execution", ("small",))}  # a floor that is the distance itself: no excess
    found = run(parts, baselines={"confidence": confidence}, floors=floors)
    for name, (inside, outside) in confidence.items():
        labels = np.repeat([1, 0], [n, o])
        expected = roc_auc_score(labels, np.concatenate([inside, outside]))
        assert found.baselines["confidence"][name].auroc.value == pytest.approx(expected)
    verdict = found.verdicts.out_of_distribution["small"]
    assert verdict.excess.value == 0 and verdict.conclusion != "different"
    with pytest.raises(BenchmarkError, match="in_distribution scores of large"):
        run(parts, baselines={"energy": {"large": (np.zeros(n + 1), np.zeros(o))}})
