"""Calibration against torchmetrics, scikit-learn, simulation and a plain loop over resamples."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from benchmarks.characteristics.calibration import bin_of, brier_scores, compare, expected_ece
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import GroupBootstrap, estimates


def study(n=300, seed=0, deployments=("large", "small", "tiny")):
    """Deployments of growing overconfidence, four examples a group."""
    rng = np.random.default_rng(seed)
    confidence = {name: rng.uniform(0.4, 1.0, n) for name in deployments}
    correct = {name: rng.random(n) < sure - 0.1 * position for position, (name, sure) in enumerate(confidence.items())}
    return confidence, correct, np.arange(n) // 4


def run(confidence, correct, groups=None, *, reference="large", resamples=100, seed=0, **options):
    groups = np.arange(len(confidence[reference])) if groups is None else groups
    return compare(confidence, correct, groups, reference, resamples=resamples, seed=seed, **options)


def single(confidence, correct, **options):
    sure, right = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=bool)
    return run({"large": sure}, {"large": right}, **options).deployments["large"]


def library(confidence, correct, bins):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("torchmetrics.classification")
    metric = metrics.BinaryCalibrationError(n_bins=bins)
    return float(metric(torch.from_numpy(np.asarray(confidence)), torch.from_numpy(np.asarray(correct).astype(int))))


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("seed", [0, 1])
def test_errors_of_the_top_class_against_torchmetrics(bins, seed):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("torchmetrics.classification")
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((400, 5))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = rng.integers(0, 5, 400)
    found = single(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels, bins=bins)
    metric = metrics.MulticlassCalibrationError(num_classes=5, n_bins=bins, norm="l1")
    expected = float(metric(torch.from_numpy(probabilities), torch.from_numpy(labels)))
    assert found.ece.value == pytest.approx(expected, abs=1e-6)
    full = [one for one in found.curve if one.count >= 20]
    assert found.mce_bins == len(full) and (bins == 1 or len(full) < bins)
    assert found.mce.value == pytest.approx(max(abs(one.accuracy - one.confidence) for one in full))


@pytest.mark.parametrize("n", [150, *(pytest.param(n, marks=pytest.mark.slow) for n in (600, 5000))])
def test_the_debiased_error_of_a_calibrated_model_is_about_nothing_however_few(n):
    rng = np.random.default_rng(0)
    squares, eces, shifted = [], [], []
    for _ in range(60):
        sure = rng.uniform(0.1, 0.95, n)
        found = single(sure, rng.random(n) < sure, resamples=1)
        squares.append(found.debiased_error.value**2)
        eces.append(found.ece.value)
        shifted.append(single(sure, rng.random(n) < sure - 0.1, resamples=1).debiased_error.value)
    assert np.mean(squares) < 0.5 * np.mean(np.square(eces))
    assert np.mean(np.equal(squares, 0)) > 0.35  # by chance below 0 as often as above
    assert np.mean(shifted) == pytest.approx(0.1, abs=0.03)


def test_the_largest_gap_needs_a_bin_of_twenty():
    found = single(np.linspace(0.05, 0.95, 19), np.ones(19))
    assert found.mce_bins == 0 and found.mce.value is None and found.ece.value is not None


def test_values_on_the_edges_of_bins_against_torchmetrics():
    """torchmetrics closes its bins on the left, Guo et al. and we on the right: each is the other's mirror image.

    |accuracy - confidence| of a bin stays when both are counted from 1, and (a, b] becomes [1-b, 1-a). Eighths are
    exact in binary, so that 1 - c is on an edge again. 0 is left out: torchmetrics gives its mirror a bin of its own.
    """
    rng = np.random.default_rng(3)
    sure = np.concatenate([rng.integers(1, 8, 200) / 8, rng.uniform(0.01, 0.99, 100)])
    # Right on the edges and wrong between them: which bin an edge belongs to then settles the figure.
    right = rng.random(300) < np.repeat([0.9, 0.1], [200, 100])
    found = single(sure, right, bins=8)
    assert found.ece.value == pytest.approx(library(1 - sure, ~right, 8), abs=1e-6)
    # The two conventions differ here, or this would show nothing.
    assert abs(found.ece.value - library(sure, right, 8)) > 0.01


def test_bins_are_closed_on_the_right():
    assert bin_of(np.array([0.0, 1e-9, 0.25, np.nextafter(0.25, 1), 0.5, 1.0]), 4).tolist() == [0, 0, 0, 1, 1, 3]


def test_brier_against_scikit_learn():
    confidence, correct, groups = study()
    found = run(confidence, correct, groups)
    assert found.brier == "top-label"
    for name, figures in found.deployments.items():
        assert figures.brier.value == pytest.approx(brier_score_loss(correct[name], confidence[name]), abs=1e-6)
    rng = np.random.default_rng(4)
    probabilities = rng.dirichlet(np.ones(4), 300)
    labels = rng.integers(0, 4, 300)
    scores = brier_scores(probabilities, labels)
    expected = brier_score_loss(labels, probabilities, labels=range(4), scale_by_half=False)
    assert scores.mean() == pytest.approx(expected, abs=1e-6)
    found = run(confidence, correct, groups, brier=dict.fromkeys(confidence, scores))
    assert found.brier == "multi-class"
    assert found.deployments["tiny"].brier.value == pytest.approx(expected, abs=1e-6)
    two = brier_scores(probabilities[:, :2] / probabilities[:, :2].sum(axis=1, keepdims=True), labels % 2)
    one_class = probabilities[:, 1] / probabilities[:, :2].sum(axis=1)
    assert two == pytest.approx(2 * (one_class - labels % 2) ** 2)


def plain(sure, right, bins, enough):
    """ECE, MCE over the bins in `enough`, Brier, confidence, accuracy and overconfidence, as one would write them."""
    if not len(sure):
        return [np.nan] * 6
    ece, worst = 0.0, 0.0
    for position in range(bins):
        inside = (sure > position / bins) & (sure <= (position + 1) / bins)
        if inside.any():
            gap = abs(right[inside].mean() - sure[inside].mean())
            ece, worst = ece + gap * inside.mean(), max(worst, gap) if position in enough else worst
    return [ece, worst, np.mean((sure - right) ** 2), sure.mean(), right.mean(), sure.mean() - right.mean()]


@pytest.mark.parametrize("groups_of", [4, 60])
def test_figures_and_intervals_against_a_loop_over_the_same_draws(groups_of):
    """Groups drawn by the bootstrap's matrix, figures computed from the drawn examples, one draw after another."""
    confidence, correct, _ = study(n=60)
    groups = np.arange(60) // groups_of
    found = run(confidence, correct, groups, resamples=200, seed=7, bins=2)
    weights = GroupBootstrap(groups, resamples=200, seed=7).weights.astype(int)
    examples = [np.repeat(np.arange(60), row[groups]) for row in weights]
    enough = {
        name: np.flatnonzero(np.bincount(bin_of(sure, 2), minlength=2) >= 20) for name, sure in confidence.items()
    }
    assert all(map(len, enough.values()))
    drawn = {
        name: np.array([plain(confidence[name][e], correct[name][e], 2, enough[name]) for e in examples])
        for name in correct
    }
    for figures in drawn.values():
        for column in (0, 1):  # ECE and MCE are centred
            resampled = figures[1:201, column]
            figures[1:201, column] = [max(0, x - resampled.mean() + figures[0, column]) for x in resampled]
    for name, figures in found.deployments.items():
        columns = [
            figures.ece,
            figures.mce,
            figures.brier,
            figures.confidence,
            figures.accuracy,
            figures.overconfidence,
        ]
        for figure, expected in zip(columns, estimates(drawn[name]), strict=True):
            same(figure, expected)
    assert [(pair.a, pair.b) for pair in found.pairs] == [("large", "small"), ("large", "tiny")]
    for pair in found.pairs:
        ece, _, brier, *_ = estimates(drawn[pair.b] - drawn["large"])
        same(pair.ece, ece)
        same(pair.brier, brier)


def same(figure, expected):
    ends = (expected.value, expected.low, expected.high)
    assert (figure.value, figure.low, figure.high) == pytest.approx(ends, abs=1e-9)


@pytest.mark.slow
def test_interval_of_a_small_error_holds_the_error_of_such_samples():
    """Without centring, intervals of a calibrated model miss the mean ECE of its samples far too often."""
    rng = np.random.default_rng(0)
    held = []
    for seed in range(60):
        sure = rng.beta(5, 1, 300)
        found = single(sure, rng.random(300) < sure, seed=seed)
        held.append(found.ece.low <= found.expected_ece <= found.ece.high)
        assert found.ece.low < found.ece.value < found.ece.high
    assert np.mean(held) > 0.85


def test_curve_holds_every_example_once():
    found = single([0.0, 0.05, 0.5, 0.55, 1.0], [False, True, True, False, True], bins=4)
    assert [(bar.low, bar.high, bar.count) for bar in found.curve] == [
        (0.0, 0.25, 2),
        (0.25, 0.5, 1),
        (0.5, 0.75, 1),
        (0.75, 1.0, 1),
    ]
    assert [bar.accuracy for bar in found.curve] == [0.5, 1.0, 0.0, 1.0]
    assert [bar.confidence for bar in found.curve] == pytest.approx([0.025, 0.5, 0.55, 1.0])
    empty = single([0.9], [True], bins=2).curve[0]
    assert (empty.count, empty.confidence, empty.accuracy) == (0, None, None)


@pytest.mark.parametrize("n", [1, 7, 100])
def test_expected_error_by_simulation(n):
    rng = np.random.default_rng(n)
    sure = rng.beta(4, 1, n)
    place = bin_of(sure, 15)[:, None] == np.arange(15)
    right = rng.random((20000, n)) < sure
    simulated = np.abs((right - sure) @ place).sum(axis=1) / n
    margin = 5 * simulated.std() / np.sqrt(len(simulated))
    assert expected_ece(sure, 15) == pytest.approx(simulated.mean(), abs=margin)


def test_expected_error_of_many_equal_confidences_is_that_of_the_binomial():
    """Mean absolute deviation of a binomial, De Moivre 1730: 2 m (1-p) P(S = m) with m = floor(np) + 1."""
    from scipy.stats import binom

    for n, p in ((4097, 0.7), (1000, 0.999), (3, 0.5)):
        m = int(n * p) + 1
        expected = 2 * m * (1 - p) * binom.pmf(m, n, p) / n
        assert expected_ece(np.full(n, p), 15) == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_a_calibrated_model_is_at_its_chance_level_and_an_overconfident_one_above():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 4000)
    runs = [single(sure, rng.random(4000) < sure, resamples=1) for _ in range(60)]
    assert np.mean([found.ece.value for found in runs]) == pytest.approx(runs[0].expected_ece, rel=0.15)
    found = single(sure, rng.random(4000) < sure - 0.1)
    assert found.ece.value > 5 * found.expected_ece
    assert found.overconfidence.value == pytest.approx(0.1, abs=0.03)
    assert found.overconfidence.low < found.overconfidence.value < found.overconfidence.high


def test_a_deployment_does_not_differ_from_its_copy():
    confidence, correct, groups = study(deployments=("large", "copy"))
    confidence["copy"], correct["copy"] = confidence["large"].copy(), correct["large"].copy()
    [pair] = run(confidence, correct, groups).pairs
    for figure in (pair.ece, pair.brier):
        assert (figure.value, figure.low, figure.high) == (0.0, 0.0, 0.0)


def test_certain_and_right_is_without_error():
    found = single(np.ones(20), np.ones(20))
    figures = (found.ece, found.mce, found.brier, found.overconfidence)
    assert [figure.value for figure in figures] == [0, 0, 0, 0]
    assert found.expected_ece == pytest.approx(0, abs=1e-12)
    wrong = single(np.ones(20), np.zeros(20))
    assert [figure.value for figure in (wrong.ece, wrong.mce, wrong.brier, wrong.overconfidence)] == [1, 1, 1, 1]


def test_reference_comes_first_and_all_is_json():
    confidence, correct, groups = study()
    found = run(confidence, correct, groups, reference="small")
    assert list(found.deployments) == ["small", "large", "tiny"]
    assert [(pair.a, pair.b) for pair in found.pairs] == [("small", "large"), ("small", "tiny")]
    assert (found.n, found.groups) == (300, 75)
    assert json.loads(json.dumps(asdict(found), allow_nan=False)) == asdict(found)


GOOD = np.array([0.5, 0.9, 1.0])
RIGHT = np.array([True, False, True])


@pytest.mark.parametrize(
    ("confidence", "correct", "options", "message"),
    [
        (GOOD[:2], RIGHT, {}, r"confidence of large: shape \(2,\), expected \(3,\)"),
        (GOOD, RIGHT[:2], {}, r"correct of large: shape \(2,\)"),
        (np.array([0.5, 1.01, 1.0]), RIGHT, {}, r"confidence of large: example 1 is 1.01, expected within 0..1"),
        (np.array([-0.1, 0.5, 1.0]), RIGHT, {}, r"example 0 is -0.1"),
        (np.array([0.5, 0.5, np.nan]), RIGHT, {}, r"example 2 is nan"),
        (GOOD, np.array([1.0, np.nan, 0.0]), {}, r"correct of large: example 1 is nan"),
        (GOOD, np.array([1.0, 0.5, 0.0]), {}, r"correct of large: 0.5 is neither 0 nor 1"),
        (GOOD, RIGHT, {"brier": {}}, r"brier of large is missing"),
        (GOOD, RIGHT, {"brier": {"large": np.array([0, np.inf, 0])}}, r"brier of large: example 1 is inf"),
        (GOOD, RIGHT, {"bins": 0}, r"bins = 0"),
    ],
)
def test_bad_input_is_told_in_one_line(confidence, correct, options, message):
    with pytest.raises(BenchmarkError, match=message) as caught:
        run({"large": confidence}, {"large": correct}, np.arange(3), **options)
    assert "\n" not in str(caught.value)


def test_unknown_deployments():
    with pytest.raises(BenchmarkError, match="reference 'huge' is none of the deployments: large"):
        compare({"large": GOOD}, {"large": RIGHT}, np.arange(3), "huge", resamples=10, seed=0)
    with pytest.raises(BenchmarkError, match="correct of large is missing"):
        run({"large": GOOD}, {}, np.arange(3))


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([[0.5, 0.5]], [0, 1], r"shape \(1, 2\) with labels of shape \(2,\)"),
        ([[0.5, 0.5], [0.5, 0.6]], [0, 1], "example 1 is no distribution"),
        ([[0.5, np.nan]], [0], "example 0 is no distribution"),
        ([[1.5, -0.5]], [0], "example 0 is no distribution"),
        ([[0.5, 0.5]], [2], "2 is none of the 2 classes"),
        ([[0.5, 0.5]], [0.5], "labels of type float64"),
    ],
)
def test_brier_scores_refuse_what_is_no_distribution(probabilities, labels, message):
    with pytest.raises(BenchmarkError, match=message):
        brier_scores(probabilities, labels)
