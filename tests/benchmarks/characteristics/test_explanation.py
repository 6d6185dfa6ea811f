"""Explanations with the real lime and shap, and their agreement against brute force and simulation."""

import json
import sys
import zlib
from dataclasses import asdict
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.characteristics import data_representation
from benchmarks.characteristics.explanation import MOST_WORDS, TextExplanation, chance_jaccard, compare, explain
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import GroupBootstrap, estimates

SHAP = pytest.mark.slow  # its first use in a process compiles for some 10 seconds
METHODS = ("lime", pytest.param("shap", marks=SHAP))
WEIGHTS = {"good": 0.2, "fine": 0.1, "bad": -0.25, "dull": -0.05}


class Opinion:
    """Two classes; each known word adds its weight to the probability of class 1. Remembers what it was shown."""

    def __init__(self, weights=WEIGHTS):
        self.weights, self.shown = weights, []

    def __call__(self, texts):
        self.shown.extend(texts)
        second = np.array([0.5 + sum(self.weights.get(word, 0.0) for word in text.split()) for text in texts])
        return np.stack([1 - second, second], axis=1)


def one(predict, text, method, samples=200, seed=0):
    pytest.importorskip(method)
    [found] = explain(predict, [text], ["t"], method, samples, seed)
    return found


def weights_of(explanation):
    return np.array([weight for _, _, weight in explanation.words])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_an_additive_deployment_is_explained_by_its_own_weights(method):
    text = "a good film and a fine one but dull"
    found = one(Opinion(), text, method, samples=2000)
    assert [(at, word) for at, word, _ in found.words] == list(enumerate(text.split()))
    assert found.label == 1
    expected = [WEIGHTS.get(word, 0.0) for _, word, _ in found.words]
    # SHAP is exact here; LIME's ridge pulls its weights towards 0 a little.
    assert weights_of(found) == pytest.approx(expected, abs=1e-12 if method == "shap" else 0.004)


@pytest.mark.parametrize("method", METHODS)
def test_weights_speak_for_the_label_that_the_deployment_gave(method):
    found = one(Opinion(), "a bad good film", method)
    assert found.label == 0
    _, bad, good, film = weights_of(found)
    assert bad > 0 > good
    assert abs(film) < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_a_word_that_occurs_twice_has_two_weights(method):
    def phrase(texts):
        second = np.array([0.9 if "good x" in text else 0.1 for text in texts])
        return np.stack([1 - second, second], axis=1)

    weights = weights_of(one(phrase, "good x and then some other good", method, samples=1000))
    assert min(weights[:2]) > 0.2
    assert np.abs(weights[2:]).max() < 0.1


def orders_and_values(words, seed=0):
    """All orders of the words, and a value for every subset of them."""
    rng = np.random.default_rng(seed)
    subsets = [frozenset(left) for size in range(words + 1) for left in combinations(range(words), size)]
    return list(permutations(range(words))), {left: rng.uniform(0, 0.4) for left in subsets}


def gain(value, order, at):
    before = frozenset(order[: order.index(at)])
    return value[before | {at}] - value[before]


@SHAP
def test_shap_gives_shapley_values():
    """Against their definition, the mean gain over all orders, of a deployment without any structure."""
    orders, value = orders_and_values(4)

    def predict(texts):
        first = np.array([value[frozenset(int(word) for word in text.split())] for text in texts])
        return np.stack([first, 1 - first], axis=1)

    expected = [-np.mean([gain(value, order, at) for order in orders]) for at in range(4)]
    found = one(predict, "0 1 2 3", "shap", samples=20000)
    assert found.label == 1
    assert weights_of(found) == pytest.approx(expected, abs=0.01)


@SHAP
def test_shap_is_exact_at_once_where_words_act_in_pairs():
    def predict(texts):
        shown = [set(text.split()) for text in texts]
        second = np.array([0.6 + 0.2 * ({"not", "bad"} <= words) - 0.1 * ("bad" in words) for words in shown])
        return np.stack([1 - second, second], axis=1)

    text = "a film that is not bad"
    assert weights_of(one(predict, text, "shap", samples=13)) == pytest.approx([0, 0, 0, 0, 0.1, 0.0], abs=1e-12)


def test_lime_is_that_of_the_package_on_the_text_itself():
    pytest.importorskip("lime")
    from lime.lime_text import LimeTextExplainer

    text = "a good film and a good end but dull"
    found = one(Opinion(), text, "lime", samples=100, seed=3)
    seed = int(np.random.SeedSequence([3, zlib.crc32(b"t")]).generate_state(1)[0])
    explainer = LimeTextExplainer(
        feature_selection="none", split_expression=r"\s+", bow=False, mask_string="", random_state=seed
    )
    direct = explainer.explain_instance(text, Opinion(), labels=(1,), num_features=9, num_samples=100)
    assert dict(enumerate(weights_of(found))) == pytest.approx(dict(direct.local_exp[1]))


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_whatever_else_is_explained(method):
    pytest.importorskip(method)

    # An interaction, so that which subsets are drawn matters.
    def predict(texts):
        second = np.array([1 / (1 + np.exp(-len(set(text.split())) * len(text) / 40 + 2)) for text in texts])
        return np.stack([1 - second, second], axis=1)

    texts, ids = [" ".join(f"w{at % 7}" for at in range(size)) for size in (30, 41, 23)], ["a", "b", "c"]
    np.random.seed(5)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    found = explain(predict, texts, ids, method, 60, 0)
    assert (np.random.get_state(legacy=False)["state"]["key"] == before).all()
    np.random.seed(6)
    assert explain(predict, texts, ids, method, 60, 0) == found
    assert explain(predict, texts[1:2], ids[1:2], method, 60, 0) == found[1:2]
    assert explain(predict, texts, ids, method, 60, 1) != found


LONG = "good " + "x " * 1998 + "bad"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("samples", [3, 4, 100])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n\t ", 0),
        ("good", 1),
        (" good\n", 1),
        ("good bad", 2),
        ("😀 good 👍🏽 film👨‍👩‍👧", 4),
        ("good\x00 \x00 7 (film) [UNK]", 5),
        (LONG, MOST_WORDS),
    ],
)
def test_any_text_survives_within_its_budget(text, words, samples, method):
    predict = Opinion()
    found = one(predict, text, method, samples)
    assert [word for _, word, _ in found.words] == text.split()[:words]
    assert len(found.words) == words
    assert np.isfinite(weights_of(found)).all()
    assert all(type(at) is int and type(weight) is float for at, _, weight in found.words)
    assert predict.shown[0] == text
    assert len(predict.shown) <= 1 + (samples if words else 0)


@SHAP
@pytest.mark.parametrize(("words", "samples", "used"), [(8, 17, 17), (8, 33, 17), (8, 34, 34), (30, 60, 59)])
def test_shap_uses_whole_rounds_of_its_samples(words, samples, used):
    predict = Opinion()
    one(predict, " ".join(f"w{at}" for at in range(words)), "shap", samples)
    assert len(predict.shown) == 1 + used


@SHAP
def test_shap_hides_neighbours_together_where_samples_are_few():
    text = " ".join("good" if at == 7 else "x" for at in range(10))
    # Five runs of two words.
    weights = weights_of(one(Opinion(), text, "shap", samples=11))
    assert weights == pytest.approx([0, 0, 0, 0, 0, 0, 0.1, 0.1, 0, 0], abs=1e-12)
    # Four runs, of 3, 2, 3 and 2 words.
    weights = weights_of(one(Opinion(), text, "shap", samples=10))
    assert weights == pytest.approx([0, 0, 0, 0, 0, 0.2 / 3, 0.2 / 3, 0.2 / 3, 0, 0], abs=1e-12)


@SHAP
def test_shap_adds_up_to_what_the_words_change_however_few_the_samples():
    def predict(texts):
        second = np.array([1 / (1 + np.exp(-len(set(text.split())) / 5 + 2)) for text in texts])
        return np.stack([1 - second, second], axis=1)

    text = " ".join(f"w{at % 13}" for at in range(40))
    nothing, whole = predict(["", text])[:, 1]
    for samples in (3, 20, 81, 1000):
        assert weights_of(one(predict, text, "shap", samples)).sum() == pytest.approx(whole - nothing)


@SHAP
def test_shap_of_a_long_text_needs_two_samples_a_word():
    exact = np.random.default_rng(0).uniform(-0.01, 0.01, 40)
    predict = Opinion({f"w{at}": weight for at, weight in enumerate(exact)})
    found = one(predict, " ".join(predict.weights), "shap", samples=81)
    assert weights_of(found) * (1 if found.label else -1) == pytest.approx(exact, abs=1e-12)
    assert len(predict.shown) == 82


@pytest.mark.parametrize("method", METHODS)
def test_what_the_deployment_is_shown_is_the_text_with_words_left_out(method):
    predict = Opinion()
    text = "  A good\n\nfilm ,  really  good "
    one(predict, text, method)
    assert text in predict.shown[1:]
    assert "" in predict.shown
    assert any("good\n\nfilm" in shown for shown in predict.shown if shown != text)
    left = {tuple(shown.split()) for shown in predict.shown}
    words = text.split()
    assert left <= {tuple(kept) for size in range(7) for kept in combinations(words, size)}
    # Words beyond the limit are always there.
    predict = Opinion()
    one(predict, LONG, method, samples=20)
    assert all(shown.split()[-1] == "bad" and len(shown.split()) >= 2000 - MOST_WORDS for shown in predict.shown)


@pytest.mark.parametrize(("method", "module"), [("lime", "lime.lime_text"), ("shap", "shap")])
def test_a_missing_package_is_named_with_its_remedy(method, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BenchmarkError, match=rf"{method} cannot .*pip install -e '\.\[explain\]'"):
        explain(Opinion(), ["a text"], ["t"], method, 100, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "gradient"}, "method 'gradient'"),
        ({"ids": ["a"]}, "2 texts with 1 ids"),
        ({"ids": ["a", "a"]}, "1 of them different"),
        ({"samples": 2}, "samples = 2"),
        ({"seed": -1}, "seed = -1"),
        ({"predict": lambda texts: np.zeros(len(texts))}, r"predict gave \(2,\) for 2 texts"),
        ({"predict": lambda texts: np.zeros((1, 2))}, r"predict gave \(1, 2\) for 2 texts"),
        ({"predict": lambda texts: np.full((len(texts), 2), np.nan)}, "expected finite rows"),
    ],
)
def test_bad_input_is_told_in_one_line(change, message):
    given = {"predict": Opinion(), "texts": ["x", "y"], "ids": ["a", "b"], "method": "lime", "samples": 50, "seed": 0}
    with pytest.raises(BenchmarkError, match=message) as caught:
        explain(**(given | change))
    assert "\n" not in str(caught.value)


def test_no_texts_have_no_explanations():
    assert explain(Opinion(), [], [], "lime", 100, 0) == []


# --- comparing ----------------------------------------------------------------------------------------


def explanation(name, weights, label=0):
    return TextExplanation(name, label, [(at, f"w{at}", float(weight)) for at, weight in enumerate(weights)])


def drawn(texts=40, deployments=("large", "small", "tiny"), seed=0):
    """Explanations of texts of 2 to 20 words that have something in common; every fifth label differs."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 21, texts)
    shared = [rng.standard_normal(size) for size in sizes]
    return {
        name: [
            explanation(f"t{at}", shared[at] + rng.standard_normal(size), int(rng.random() < 0.2))
            for at, size in enumerate(sizes)
        ]
        for name in deployments
    }


def run(explanations, reference="large", resamples=100, seed=0, **options):
    return compare(explanations, reference, resamples=resamples, seed=seed, **options)


def plain(first, second, k):
    a, b = weights_of(first), weights_of(second)
    if len(a) <= k:
        return np.nan
    one, other = (set(np.argsort(-np.abs(weights))[:k]) for weights in (a, b))
    return len(one & other) / len(one | other)


def test_every_figure_against_brute_force():
    explanations = drawn()
    groups = {f"t{at}": at // 3 for at in range(40)}
    found = run(explanations, groups=groups, seed=4)
    assert (found.texts, found.groups) == (40, 14)
    weights = GroupBootstrap(np.arange(40) // 3, resamples=100, seed=4).weights.astype(int)
    draws = [np.repeat(np.arange(40), row[np.arange(40) // 3]) for row in weights]
    for (a, b), pair in zip(combinations(explanations, 2), found.pairs, strict=True):
        assert (pair.a, pair.b, pair.texts) == (a, b, 40)
        both = list(zip(explanations[a], explanations[b], strict=True))
        for k in (1, 3, 5):
            same(pair.jaccard[str(k)], np.array([plain(*sides, k) for sides in both]), draws)
            sizes = np.array([len(side.words) for side, _ in both])
            expected = np.mean([chance_jaccard(int(size), k, k) for size in sizes[sizes > k]])
            assert pair.chance_jaccard[str(k)] == pytest.approx(expected)
        ranks = [spearmanr(weights_of(x), weights_of(y)).statistic if x.label == y.label else np.nan for x, y in both]
        same(pair.rank_correlation, np.array(ranks), draws)
        same(pair.same_label, np.array([float(x.label == y.label) for x, y in both]), draws)


def same(figure, values, draws):
    [expected] = estimates(np.array([[np.nanmean(values[draw]) if len(draw) else np.nan] for draw in draws]))
    ends = (expected.value, expected.low, expected.high)
    assert (figure.value, figure.low, figure.high) == pytest.approx(ends, abs=1e-9)


@pytest.mark.slow
def test_unrelated_explanations_agree_at_the_chance_level():
    rng = np.random.default_rng(1)
    sizes = rng.integers(2, 30, 2000)
    unrelated = {
        name: [explanation(f"t{at}", rng.standard_normal(size)) for at, size in enumerate(sizes)] for name in "ab"
    }
    [pair] = run(unrelated, "a", resamples=200).pairs
    for k in ("1", "3", "5"):
        assert pair.jaccard[k].low < pair.chance_jaccard[k] < pair.jaccard[k].high
    assert pair.rank_correlation.low < 0 < pair.rank_correlation.high


def test_chance_jaccard_against_its_neighbour_and_simulation():
    for words, k in ((40, 10), (6, 5), (5, 5), (9, 1)):
        expected = data_representation.chance_jaccard(k, np.array([words]))
        assert chance_jaccard(words, k, k) == pytest.approx(expected)
    rng = np.random.default_rng(0)
    draws = [(set(rng.permutation(12)[:2]), set(rng.permutation(12)[:5])) for _ in range(5000)]
    simulated = np.mean([len(a & b) / len(a | b) for a, b in draws])
    assert chance_jaccard(12, 2, 5) == pytest.approx(simulated, abs=0.01)
    assert chance_jaccard(12, 0, 5) == 0
    assert np.isnan(chance_jaccard(12, 0, 0))


def test_a_deployment_agrees_with_itself():
    explanations = drawn(deployments=("large",))
    [pair] = run({"large": explanations["large"], "again": explanations["large"]}).pairs
    figures = (*pair.jaccard.values(), pair.rank_correlation, pair.same_label)
    assert [figure.value for figure in figures] == pytest.approx([1] * 5)
    assert all(pair.chance_jaccard[k] < 0.6 for k in ("1", "3", "5"))


def test_weights_of_nothing_choose_nothing():
    sides = {
        "large": [explanation("t", [0, 0, 0, 0.3, 1e-17, 0]), explanation("u", [0] * 6)],
        "small": [explanation("t", [0, 0.2, 0, -0.4, 0, 0]), explanation("u", [0] * 6)],
    }
    [pair] = run(sides, k=(1, 3)).pairs
    # Of t, {3} against {3} and {1, 3}; u has nothing to compare, rather than six words at a tie.
    assert {k: figure.value for k, figure in pair.jaccard.items()} == {"1": 1.0, "3": 0.5}
    assert pair.chance_jaccard["3"] == pytest.approx(chance_jaccard(6, 1, 2))
    assert pair.texts == 2


def test_texts_that_k_would_take_whole_are_left_out():
    sides = {name: [explanation("t", [1, 2, 3]), explanation("u", [1, 2, 3, 4])] for name in ("large", "small")}
    [pair] = run(sides, k=(3, 4)).pairs
    assert pair.chance_jaccard["3"] == pytest.approx(chance_jaccard(4, 3, 3))
    assert (pair.jaccard["4"].value, pair.chance_jaccard["4"]) == (None, None)


def test_ties_go_to_the_earlier_word():
    sides = {"large": [explanation("t", [1, 1, 1, 0.5])], "small": [explanation("t", [2, 2, -2, 0.5])]}
    [pair] = run(sides, k=(2,)).pairs
    assert pair.jaccard["2"].value == 1


def test_weights_for_different_labels_are_not_correlated():
    sides = {
        "large": [explanation("t", [1, 2, 3], 0), explanation("u", [1, 2, 3], 0)],
        "small": [explanation("t", [1, 2, 3], 0), explanation("u", [3, 2, 1], 1)],
    }
    [pair] = run(sides).pairs
    assert pair.rank_correlation.value == pytest.approx(1)
    assert pair.same_label.value == 0.5


def test_only_texts_that_both_explained_count():
    sides = {
        "large": [explanation("t", [1, 2]), explanation("u", [1, 2])],
        "small": [explanation("u", [1, 2]), explanation("v", [2, 1])],
        "tiny": [explanation("w", [1, 2])],
    }
    found = run(sides, k=(1,))
    assert found.texts == 4
    assert [pair.texts for pair in found.pairs] == [1, 0, 0]
    assert [pair.jaccard["1"].value for pair in found.pairs] == [1, None, None]
    assert found.pairs[1].same_label.value is None


def test_reference_comes_first_and_all_survives_json():
    explanations = drawn(10)
    found = run(explanations, "small")
    assert [(pair.a, pair.b) for pair in found.pairs] == [("small", "large"), ("small", "tiny"), ("large", "tiny")]
    assert json.loads(json.dumps(asdict(found), allow_nan=False)) == asdict(found)
    stored = json.loads(json.dumps({name: [asdict(one) for one in side] for name, side in explanations.items()}))
    assert run({name: [TextExplanation(**one) for one in side] for name, side in stored.items()}, "small") == found


@pytest.mark.parametrize(
    ("sides", "options", "message"),
    [
        ({"small": []}, {}, "reference 'large' is none of the deployments: small"),
        ({"large": []}, {}, "at least one example"),
        ({"large": [explanation("t", [1])] * 2}, {}, "explanations of large: 2 for 1 ids"),
        ({"large": [explanation("t", [np.nan])]}, {}, "large: text 't' has a weight that is no number"),
        ({"large": [explanation("t", [1])], "b": [explanation("t", [1, 2])]}, {}, "text 't': large and b explain"),
        ({"large": [explanation("t", [1])]}, {"k": (0,)}, "k = 0"),
        ({"large": [explanation("t", [1])]}, {"groups": {"u": 1}}, "groups: none for text 't'"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(sides, options, message):
    with pytest.raises(BenchmarkError, match=message) as caught:
        run(sides, **options)
    assert "\n" not in str(caught.value)
