"""Prediction errors against scikit-learn, scipy and brute force."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.stats import binom
from sklearn.metrics import cohen_kappa_score, jaccard_score, recall_score

from benchmarks.characteristics.prediction_errors import compare, mcnemar_p
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate


def study(n=120, deployments=("large", "small", "tiny"), seed=0):
    rng = np.random.default_rng(seed)
    correct = {name: rng.random(n) < 0.7 for name in deployments}
    predictions = {name: np.where(correct[name], "right", rng.choice(["x", "y", ""], n)) for name in deployments}
    return correct, predictions, np.arange(n) // 4


def run(correct, predictions, groups, *, probabilities=None, strata=None, reference="large", resamples=100):
    return compare(correct, predictions, probabilities, groups, strata or {}, reference, resamples, 0)


def test_every_figure_against_the_libraries():
    correct, predictions, groups = study()
    answerable = np.random.default_rng(9).random(120) < 0.5
    found = run(correct, predictions, groups, strata={"answerable": answerable})
    assert list(found.strata) == ["all", "answerable"]
    for stratum, within in (("all", np.ones(120, dtype=bool)), ("answerable", answerable)):
        result = found.strata[stratum]
        assert result.n == within.sum()
        assert result.groups == len(set(groups[within]))
        for name, errors in result.errors.items():
            assert errors.count == (~correct[name])[within].sum()
            assert errors.rate.value == pytest.approx(errors.count / result.n)
        for pair in result.pairs:
            a, b = correct[pair.a][within], correct[pair.b][within]
            assert pair.jaccard.value == pytest.approx(jaccard_score(~a, ~b))
            assert pair.kappa.value == pytest.approx(cohen_kappa_score(a, b))
            assert pair.newly_wrong == (a & ~b).sum()
            assert pair.newly_right == (~a & b).sum()
            assert pair.negative_flip_rate.value == pytest.approx(pair.newly_wrong / result.n)
            assert pair.positive_flip_rate.value == pytest.approx(pair.newly_right / result.n)
            other = predictions[pair.a][within] != predictions[pair.b][within]
            assert pair.disagreement.value == pytest.approx(other.mean())
            changed = pair.newly_wrong + pair.newly_right
            effect = result.design_effect
            assert pair.mcnemar_p == pytest.approx(mcnemar_p(pair.newly_wrong, changed - pair.newly_wrong, effect))
            assert pair.divergence is None


def test_f1_kept_is_a_ratio_of_means_of_the_same_examples():
    correct, predictions, groups = study(n=2000)
    large = np.where(correct["large"], 1.0, 0.4)
    small = large.copy()
    small[::50] *= 0.9
    f1 = {"large": large, "small": small, "tiny": np.zeros(2000)}
    found = compare(correct, predictions, None, groups, {}, "large", 400, 0, f1=f1).f1_kept
    assert list(found) == ["small", "tiny"]
    assert found["small"].value == pytest.approx(small.mean() / large.mean())
    assert found["small"].width < large.std() / np.sqrt(2000)  # apart, either mean alone scatters by four times that
    assert found["tiny"].value == 0
    assert compare(correct, predictions, None, groups, {}, "large", 10, 0).f1_kept == {}


def test_order_of_pairs_puts_the_reference_first():
    correct, predictions, groups = study()
    found = run(correct, predictions, groups, reference="small")
    pairs = [(pair.a, pair.b) for pair in found.strata["all"].pairs]
    assert pairs == [("small", "large"), ("small", "tiny"), ("large", "tiny")]


@pytest.mark.slow
def test_intervals_are_those_of_drawing_groups():
    """The matrix product against a plain loop that draws groups and computes from the drawn examples."""
    correct, predictions, groups = study(n=80)
    [pair, *_] = run(correct, predictions, groups, resamples=4000).strata["all"].pairs
    rng = np.random.default_rng(5)
    wrong_a, wrong_b = ~correct["large"], ~correct["small"]
    drawn = []
    for _ in range(4000):
        examples = np.concatenate([np.flatnonzero(groups == group) for group in rng.integers(0, 20, 20)])
        drawn.append(cohen_kappa_score(wrong_a[examples], wrong_b[examples]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert pair.kappa.low == pytest.approx(low, abs=0.03)
    assert pair.kappa.high == pytest.approx(high, abs=0.03)


def test_two_perfect_models_have_no_jaccard():
    correct = {name: np.ones(10, dtype=bool) for name in ("large", "small")}
    predictions = {name: np.zeros(10, dtype=int) for name in ("large", "small")}
    [pair] = run(correct, predictions, np.arange(10)).strata["all"].pairs
    assert pair.jaccard == pair.tetrachoric == pair.kappa == Estimate(None, None, None)
    assert pair.expected_jaccard is None
    assert pair.largest_jaccard is None
    assert pair.disagreement.value == pair.disagreement.low == 0.0
    assert pair.disagreement.high == pytest.approx(0.2775, abs=1e-4)  # Wilson: 0 of 10
    assert pair.mcnemar_p == 1


def test_a_model_that_is_always_wrong_agrees_by_chance_alone():
    rng = np.random.default_rng(0)
    correct = {"large": rng.random(50) < 0.8, "broken": np.zeros(50, dtype=bool)}
    predictions = {"large": np.arange(50), "broken": np.full(50, -1)}
    [pair] = run(correct, predictions, np.arange(50)).strata["all"].pairs
    assert pair.jaccard.value == pytest.approx(pair.expected_jaccard)
    assert pair.jaccard.value == pytest.approx(pair.largest_jaccard)
    assert pair.tetrachoric.value is None
    assert pair.kappa.value == pytest.approx(0)
    assert pair.newly_right == 0
    assert pair.disagreement.value == 1


def test_an_empty_stratum_is_reported_empty():
    correct, predictions, groups = study()
    found = run(correct, predictions, groups, strata={"unanswerable": np.zeros(120, dtype=bool)})
    stratum = found.strata["unanswerable"]
    assert (stratum.n, stratum.groups) == (0, 0)
    assert stratum.errors["large"].rate == Estimate(None, None, None)
    assert stratum.pairs[0].disagreement.value is None
    json.dumps(asdict(found), allow_nan=False)


def test_one_deployment_has_no_pairs():
    correct, predictions, groups = study(deployments=("large",))
    found = run(correct, predictions, groups)
    assert found.strata["all"].pairs == []
    assert found.strata["all"].errors["large"].rate.value is not None


def test_divergence_is_that_of_scipy():
    rng = np.random.default_rng(0)
    correct, predictions, groups = study(n=40, deployments=("large", "small"))
    shapes = [(2, int(width)) for width in rng.integers(1, 30, 40)]  # start and end, over an example's tokens
    probabilities = {
        name: [rng.dirichlet(np.full(width, 0.3), size=rows) for rows, width in shapes] for name in correct
    }
    [pair] = run(correct, predictions, groups, probabilities=probabilities).strata["all"].pairs
    expected = [
        np.mean(jensenshannon(a, b, base=2, axis=1) ** 2)
        for a, b in zip(probabilities["large"], probabilities["small"], strict=True)
    ]
    assert pair.divergence.value == pytest.approx(np.mean(expected))
    assert pair.divergence.low < pair.divergence.value < pair.divergence.high


def test_divergence_runs_from_zero_to_one_bit():
    correct, predictions, groups = study(n=8, deployments=("large", "same", "opposite"))
    one, other = [np.array([1.0, 0.0])] * 8, [np.array([0.0, 1.0])] * 8
    found = run(correct, predictions, groups, probabilities={"large": one, "same": one, "opposite": other})
    values = {(pair.a, pair.b): pair.divergence.value for pair in found.strata["all"].pairs}
    assert values[("large", "same")] == 0
    assert values[("large", "opposite")] == pytest.approx(1)


def test_divergence_needs_the_same_outcomes():
    """Another tokeniser, or a deployment without probabilities, has no divergence; the others keep theirs."""
    correct, predictions, groups = study(n=8, deployments=("large", "small", "other", "none"))
    probabilities = {
        "large": [np.full(4, 0.25)] * 8,
        "small": [np.full(4, 0.25)] * 8,
        "other": [np.full(5, 0.2)] * 8,
    }
    found = run(correct, predictions, groups, probabilities=probabilities)
    has = {(pair.a, pair.b): pair.divergence is not None for pair in found.strata["all"].pairs}
    assert has == {pair: pair == ("large", "small") for pair in has}


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_results_are_json_and_symmetric(n, seed, accuracy):
    rng = np.random.default_rng(seed)
    correct = {name: rng.random(n) < accuracy for name in ("large", "small")}
    predictions = {name: rng.integers(0, 2, n) for name in correct}
    groups = rng.integers(0, 5, n)
    forth = run(correct, predictions, groups, resamples=20)
    json.dumps(asdict(forth), allow_nan=False)
    back = run(correct, predictions, groups, resamples=20, reference="small")
    [ab], [ba] = forth.strata["all"].pairs, back.strata["all"].pairs
    assert ab.jaccard == ba.jaccard
    for one, other in zip(asdict(ab.kappa).values(), asdict(ba.kappa).values(), strict=True):
        assert one == pytest.approx(other) if one is not None else other is None  # sums in another order
    assert ab.mcnemar_p == ba.mcnemar_p
    assert (ab.newly_wrong, ab.newly_right) == (ba.newly_right, ba.newly_wrong)
    assert ab.negative_flip_rate == ba.positive_flip_rate


def test_mcnemar():
    for wrong, right in ((0, 0), (0, 5), (3, 3), (12, 4), (200, 260)):
        total, less = wrong + right, min(wrong, right)
        expected = 2 * binom.cdf(less, total, 0.5) - binom.pmf(less, total, 0.5) if total else 1.0  # the mid-p
        assert mcnemar_p(wrong, right) == pytest.approx(min(1.0, expected))
    assert mcnemar_p(24, 8, 2.0) == pytest.approx(mcnemar_p(12, 4))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reference": "huge"}, "reference 'huge' is none of the deployments: large, small, tiny"),
        ({"strata": {"answerable": np.ones(3, dtype=bool)}}, "stratum answerable: shape"),
        ({"probabilities": {"large": [np.ones(2) / 2]}}, "probabilities of large: 1 examples, expected 120"),
        ({"probabilities": {"large": [np.ones(2)] * 120}}, "example 0 does not sum to 1"),
        ({"probabilities": {"large": [np.array([np.nan, 1])] * 120}}, "example 0 does not sum to 1"),
    ],
)
def test_bad_input_is_one_line(change, says):
    with pytest.raises(BenchmarkError, match=says) as error:
        run(*study(), **change)
    assert "\n" not in str(error.value)


def test_predictions_of_another_length():
    correct, predictions, groups = study()
    predictions["tiny"] = predictions["tiny"][:-1]
    with pytest.raises(BenchmarkError, match="predictions of tiny"):
        run(correct, predictions, groups)


def test_spread_of_divergences_from_the_reference():
    """Percentiles as NumPy has them, Kullback-Leibler as scipy has it, and what is infinite told by a count."""
    rng = np.random.default_rng(1)
    correct, predictions, groups = study(n=400, deployments=("large", "small", "sure", "none"))
    probabilities = {name: list(rng.dirichlet(np.ones(3), size=400)) for name in ("large", "small")}
    probabilities["sure"] = [np.array([1.0, 0.0, 0.0])] * 2 + probabilities["large"][2:]
    strata = {"half": np.arange(400) % 2 == 0}
    found = run(correct, predictions, groups, probabilities=probabilities, strata=strata).strata
    assert list(found["all"].divergences) == ["small", "sure"]

    p, q = np.array(probabilities["large"]), np.array(probabilities["small"])
    expected = {
        "jensen_shannon": jensenshannon(p, q, base=2, axis=1) ** 2,
        "kullback_leibler": rel_entr(p, q).sum(axis=1),
    }
    for stratum, rows in (("all", slice(None)), ("half", slice(None, None, 2))):
        for name, values in expected.items():
            spread = getattr(found[stratum].divergences["small"], name)
            assert spread.mean.value == pytest.approx(values[rows].mean())
            for part, share in (("median", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
                assert getattr(spread, part).value == pytest.approx(np.quantile(values[rows], share))
            assert spread.max == pytest.approx(values[rows].max())
            assert spread.median.low < spread.median.value < spread.median.high
    assert found["all"].divergences["small"].infinite == 0

    sure = found["all"].divergences["sure"]
    assert sure.infinite == 2
    assert (sure.kullback_leibler.mean.value, sure.kullback_leibler.max) == (None, None)
    assert sure.kullback_leibler.p99.value == 0 and 0 < sure.jensen_shannon.max <= 1
    json.dumps(asdict(found["all"]), allow_nan=False)


def test_recall_by_class_against_the_library_and_its_change_against_the_reference():
    rng = np.random.default_rng(3)
    labels = rng.choice(3, 240, p=[0.6, 0.3, 0.1])
    said = {
        name: np.where(rng.random(240) < share, labels, rng.choice(3, 240))
        for name, share in (("large", 0.9), ("small", 0.8), ("tiny", 0.2))
    }
    found = compare(
        {name: column == labels for name, column in said.items()},
        said,
        None,
        np.arange(240),
        {},
        "large",
        100,
        0,
        classes={name: labels == i for i, name in enumerate(("red", "green", "blue", "never"))},
    ).recalls
    assert list(found) == ["red", "green", "blue"]  # a class that no example has is left out
    for i, recall in enumerate(found.values()):
        assert recall.n == (labels == i).sum()
        for name, rate in recall.rates.items():
            true = recall_score(labels, said[name], labels=[i], average=None)[0]
            assert rate.value == pytest.approx(true)
            assert rate.low < true < rate.high
        assert list(recall.changes) == ["small", "tiny"]
        for name, change in recall.changes.items():
            own, base = (said[one][labels == i] == i for one in (name, "large"))
            assert change.change.value == pytest.approx(own.mean() - base.mean())
    assert found["red"].changes["tiny"].conclusion == "different"
    assert found["blue"].changes["small"].conclusion == "cannot tell"


def test_without_labels_there_are_predictions_and_no_errors():
    """The figures of predictions are those of the same study with labels."""
    correct, predictions, groups = study()
    known, blind = (run(labels, predictions, groups).strata["all"] for labels in (correct, None))
    assert (blind.n, blind.design_effect, blind.errors, blind.scores) == (known.n, known.design_effect, {}, {})
    for told, silent in zip(known.pairs, blind.pairs, strict=True):
        assert (silent.a, silent.b, silent.disagreement, silent.further) == (
            told.a,
            told.b,
            told.disagreement,
            told.further,
        )
        assert silent.newly_wrong is silent.mcnemar_p is silent.kappa.value is None
    with pytest.raises(BenchmarkError, match="at least one"):
        run(None, None, groups)
