"""Slices against planted effects, a plain loop, and pure noise."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.characteristics.attributes import Attribute
from benchmarks.characteristics.slices import search
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import GroupBootstrap, estimates
from tests.benchmarks.figures import complete

WORDS = np.array(["who", "what", "when", "how"])


def questions(n=2000, seed=0):
    """Two attributes, independent of one another: a word (quarters) and a length from 100 to 699 (quartiles)."""
    rng = np.random.default_rng(seed)
    attributes = {"question word": rng.choice(WORDS, n), "context length": rng.integers(100, 700, n)}
    return attributes, np.arange(n) // 2, rng


def test_a_slice_that_confidence_explains():
    rng = np.random.default_rng(0)
    n = 6000
    sure = rng.random(n)
    hard, who = sure < rng.random(n), rng.random(n) < 0.3  # hard ones are those of little confidence, as it were
    changed = rng.random(n) < 0.4 * (1 - sure)
    own = changed | (who & (rng.random(n) < 0.2))
    found = search({"hard": hard, "who": who}, {"m": changed, "own": own}, np.arange(n), confidence=sure, depth=1)
    assert (found.deployments["m"].slices, found.deployments["m"].explained) == ([], True)
    [added] = found.deployments["own"].slices
    assert added.description == "who = yes" and added.rate_expected < complete(added.rate)[0]
    assert added.rate_expected == pytest.approx(own.mean(), abs=0.02)
    assert not found.deployments["own"].explained
    known = search({"hard": hard, "who": who}, {"m": changed}, np.arange(n), depth=1).deployments["m"]
    assert [one.description for one in known.slices] == ["hard = yes"] and not known.explained
    with pytest.raises(BenchmarkError, match="confidence"):
        search({"who": who}, {"m": changed}, np.arange(n), confidence=sure[:5])


def test_a_slice_that_the_floor_explains():
    """Further trainings change as much among the words with "who": so does the deployment, but for the short ones."""
    attributes, groups, rng = questions(n=6000)
    who = attributes["question word"] == "who"
    rates = np.where(who, 0.3, 0.1)
    trainings = (rng.random((2, 6000)) < rates).mean(axis=0)
    alike, less = rng.random(6000) < rates, rng.random(6000) < rates / 5
    short = attributes["context length"] < 250
    outcomes = {"alike": alike, "less": less, "more": alike | (short & (rng.random(6000) < 0.2))}
    found = search(attributes, outcomes, groups, floors=dict.fromkeys(outcomes, trainings), permutations=500)
    for name in ("alike", "less"):
        assert (found.deployments[name].slices, found.deployments[name].explained) == ([], True)
    first = found.deployments["more"].slices[0]
    assert first.description.startswith("context length 100 to") and first.rate_expected < complete(first.rate)[0]
    assert all("word" not in one.description for one in found.deployments["more"].slices)
    with pytest.raises(BenchmarkError, match=r"floor of m: shape \(5,\), expected \(6000,\) shares"):
        search(attributes, {"m": alike}, groups, floors={"m": trainings[:5]})


def test_a_planted_slice_is_found_and_no_part_of_it():
    attributes, groups, rng = questions()
    who = attributes["question word"] == "who"
    changed = rng.random(2000) < np.where(who, 0.3, 0.1)
    found = search(attributes, {"small": changed}, groups, permutations=500)
    [only] = found.deployments["small"].slices
    assert only.description == "question word = who"
    assert only.n == who.sum()
    assert only.rate.value == pytest.approx(changed[who].mean())
    assert only.rate_outside == pytest.approx(changed[~who].mean())
    assert only.ratio == pytest.approx(changed[who].mean() / changed[~who].mean())
    assert only.p == pytest.approx(1 / 501)
    bootstrap = GroupBootstrap(groups, resamples=1000, seed=0)
    [interval] = estimates(bootstrap.means(changed, who))
    assert only.rate == interval
    assert found.deployments["small"].rate == changed.mean()
    assert (found.minimum, found.searched) == (20, 4 + 4 + 16)


def test_a_slice_that_changes_less_is_found():
    attributes, groups, rng = questions()
    length = attributes["context length"]
    longest = length > np.quantile(length, 0.75)
    changed = rng.random(2000) < np.where(longest, 0.02, 0.15)
    first, *others = search(attributes, {"small": changed}, groups, permutations=500).deployments["small"].slices
    assert first.description == f"context length {length[longest].min()} to 699"
    assert first.ratio is not None and first.ratio < 0.5
    # The other lengths do change more than all but them, which hold the planted slice; no word is involved.
    assert all((other.ratio or 0) > 1 and "word" not in other.description for other in others)


def test_a_planted_conjunction_is_found_and_comes_first():
    attributes, groups, rng = questions()
    length, who = attributes["context length"], attributes["question word"] == "who"
    long = length > np.quantile(length, 0.75)
    changed = rng.random(2000) < np.where(who & long, 0.5, 0.1)
    first, *others = search(attributes, {"small": changed}, groups, permutations=500).deployments["small"].slices
    assert first.description == f"question word = who and context length {length[long].min()} to 699"
    assert first.n == (who & long).sum()
    parents = {"question word = who", f"context length {length[long].min()} to 699"}
    assert {other.description for other in others} <= parents


def test_a_conjunction_of_two_effects_that_add_up_needs_both_parents():
    """It differs from everyone and from one parent's rest, not from the other's: a fact about one attribute."""
    attributes, groups, rng = questions(n=4000)
    who = attributes["question word"] == "who"
    changed = rng.random(4000) < np.where(who, 0.6, 0.05)
    found = search(attributes, {"small": changed}, groups, permutations=500).deployments["small"].slices
    assert all(" and " not in one.description for one in found)
    assert found[0].description == "question word = who"


def test_a_conjunction_that_is_weaker_than_one_parent_is_not_listed():
    """It differs from everyone and from the rest of either parent, but in two directions."""
    rng = np.random.default_rng(6)
    a, b = rng.random(4000) < 0.3, rng.random(4000) < 0.3
    changed = rng.random(4000) < np.where(a, np.where(b, 0.4, 0.7), 0.05)
    attributes = {"a": np.where(a, "yes", "no"), "b": np.where(b, "yes", "no")}
    listed = [one.description for one in search(attributes, {"m": changed}, np.arange(4000)).deployments["m"].slices]
    assert listed[:2] == ["a = yes", "a = yes and b = no"]
    assert "a = yes and b = yes" not in listed


def test_depth_one_searches_no_conjunction():
    attributes, groups, rng = questions()
    both = (attributes["question word"] == "who") & (attributes["context length"] > 550)
    found = search(attributes, {"small": rng.random(2000) < 0.1 + 0.4 * both}, groups, depth=1, permutations=500)
    assert found.searched == 8
    assert found.deployments["small"].slices
    assert all(" and " not in one.description for one in found.deployments["small"].slices)


def test_p_is_that_of_a_plain_loop():
    """Groups of 1 to 5, an attribute that is constant in them and one that is not, an effect of middling strength."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(120), rng.integers(1, 6, 120))
    n = len(groups)
    attributes = {"place": rng.choice(["a", "b", "c"], 120)[groups], "kind": rng.choice(["x", "y", "z"], n)}
    rates = rng.beta(1, 4, 120)[groups] + 0.13 * (attributes["place"] == "a")
    changed = rng.random(n) < rates
    found = search(attributes, {"m": changed}, groups, minimum=1, depth=1, permutations=5000, level=0.99)
    listed = {one.description: one.p for one in found.deployments["m"].slices}

    members = {f"{name} = {value}": column == value for name, column in attributes.items() for value in set(column)}
    rate = changed.mean()
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j and groups[i] == groups[j]]
    rho = np.mean([(changed[i] - rate) * (changed[j] - rate) for i, j in pairs]) / (rate * (1 - rate))
    assert 0.05 < rho < 0.6
    scores, errors = {}, {}
    for name, member in members.items():
        z = member - member.mean()
        scores[name] = np.array([(z * (changed - rate))[groups == group].sum() for group in range(120)])
        together = sum(z[groups == group].sum() ** 2 for group in range(120))
        errors[name] = np.sqrt(rate * (1 - rate) * ((1 - rho) * (z**2).sum() + rho * together))
    largest = []
    for _ in range(5000):
        signs = rng.choice([-1, 1], 120)
        # Residuals sum to 0 before the flips, not after: z, not x, weighs them.
        largest.append(max(abs(signs @ scores[name]) / errors[name] for name in members))
    compared = 0
    for name, p in listed.items():
        reached = np.mean(np.array(largest) >= abs(scores[name].sum()) / errors[name])
        assert p == pytest.approx(reached, abs=0.03)
        compared += 0.01 < p < 0.9
    assert compared >= 3


def noise(rng, count, largest_group, correlation):
    """An outcome of rate 0.15, equally frequent everywhere, and attributes of examples and of groups."""
    groups = np.repeat(np.arange(count), rng.integers(1, largest_group + 1, count))
    rates = np.full(count, 0.15)
    if correlation:
        spread = 1 / correlation - 1
        rates = rng.beta(0.15 * spread, 0.85 * spread, count)
    attributes = {
        "word": rng.choice(list("abcd"), len(groups)),
        "length": rng.normal(size=count)[groups],
        "topic": rng.choice(list("xyz"), count)[groups],
    }
    return attributes, {"m": rng.random(len(groups)) < rates[groups]}, groups


def false_finds(studies, *, count, largest_group, correlation, depth, grouped=True):
    rng = np.random.default_rng(11)
    found = 0
    for seed in range(studies):
        attributes, outcomes, groups = noise(rng, count, largest_group, correlation)
        labels = groups if grouped else np.arange(len(groups))
        result = search(attributes, outcomes, labels, depth=depth, permutations=199, resamples=1, seed=seed)
        found += bool(result.deployments["m"].slices)
    return found


STUDIES = 400
LOW, HIGH = binom.ppf([0.0005, 0.9995], STUDIES, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("largest_group", "correlation"),
    [
        pytest.param(1, 0, id="independent", marks=pytest.mark.nightly),
        pytest.param(9, 0, id="grouped", marks=pytest.mark.nightly),
        pytest.param(9, 0.5, id="clustered"),
    ],
)
def test_noise_is_found_as_often_as_the_level_says(largest_group, correlation):
    study = {"count": 300 if largest_group == 1 else 120, "largest_group": largest_group, "correlation": correlation}
    assert LOW <= false_finds(STUDIES, **study, depth=1) <= HIGH
    # Conjunctions pass a second test as well, so a list that may hold them is false less often.
    assert false_finds(STUDIES, **study, depth=2) <= HIGH


@pytest.mark.slow
def test_further_trainings_are_found_as_often_as_the_level_says():
    """Outcomes that depend on the confidence and on the group, for the deployment as for the trainings of its floor."""
    rng = np.random.default_rng(12)
    found = 0
    for seed in range(STUDIES):
        attributes, _, groups = noise(rng, 150, 5, 0)
        confidence = rng.random(len(groups))
        attributes["word"] = np.where(confidence < 0.3, "a", attributes["word"])
        rates = 0.3 * (1 - confidence) * rng.beta(1, 2, 150)[groups] * 3
        trainings = [rng.random(len(groups)) < rates for _ in range(3)]
        result = search(
            attributes, {"m": trainings[0]}, groups, confidence=confidence, depth=1, permutations=199, resamples=1,
            floors={"m": np.mean(trainings[1:], axis=0)}, seed=seed,
        )  # fmt: skip
        found += bool(result.deployments["m"].slices)
    assert found <= HIGH


@pytest.mark.slow
def test_clustered_noise_would_be_found_if_the_groups_were_not_known():
    assert false_finds(100, count=120, largest_group=9, correlation=0.5, depth=1, grouped=False) > 25


@pytest.mark.slow
def test_rare_outcomes_do_not_make_small_slices_significant():
    """Most slices of 20 hold no outcome of rate 0.02: an error estimated inside them would be nearly 0."""
    rng = np.random.default_rng(4)
    found = 0
    for seed in range(200):
        attributes = {"kind": rng.permutation(np.repeat([f"{kind:02}" for kind in range(25)], 20))}
        result = search(attributes, {"m": rng.random(500) < 0.02}, np.arange(500), permutations=199, seed=seed)
        assert result.searched == 25
        found += bool(result.deployments["m"].slices)
    assert found <= binom.ppf(0.9995, 200, 0.05)


@pytest.mark.slow
def test_a_real_slice_makes_no_other_attribute_significant():
    rng = np.random.default_rng(8)
    found = 0
    for seed in range(200):
        attributes, outcomes, groups = noise(rng, 150, 5, 0.3)
        real = attributes["word"] == "a"
        changed = outcomes["m"] | (real & (rng.random(len(groups)) < 0.3))
        slices = search(attributes, {"m": changed}, groups, permutations=199, resamples=1, seed=seed).deployments["m"]
        found += any("word" not in one.description for one in slices.slices)
    assert found <= binom.ppf(0.9995, 200, 0.05)


def test_of_complements_the_one_that_changes_more_is_listed_once():
    rng = np.random.default_rng(2)
    answerable = rng.random(1000) < 0.5
    attributes = {"answerable": answerable, "answer": np.where(answerable, "some", "none")}
    changed = rng.random(1000) < np.where(answerable, 0.1, 0.3)
    found = search(attributes, {"m": changed}, np.arange(1000), permutations=200)
    assert [one.description for one in found.deployments["m"].slices] == ["answerable = no"]
    assert found.searched == 2, "the same two sets, however named, and no conjunctions of a set with itself"


def test_slices_need_the_minimum_inside_and_outside():
    attributes: dict[str, Attribute] = {"kind": ["a"] * 70 + ["b"] * 25 + ["c"] * 5, "flag": np.arange(100) < 96}
    rng = np.random.default_rng(0)
    outcomes = {"m": rng.random(100) < 0.5}
    assert search(attributes, outcomes, np.arange(100)).searched == 2  # a and b; flag leaves 4 outside
    # a, b, c; true, false; c and true is 1 example, c and false is flag = false, a and true is a, b and true is b.
    assert search(attributes, outcomes, np.arange(100), minimum=1).searched == 6
    assert search({}, {}, np.arange(100)).minimum == 20
    assert search({}, {}, np.arange(2901)).minimum == 30
    nothing = search(attributes, outcomes, np.arange(100), minimum=80)
    assert (nothing.searched, nothing.deployments["m"].slices) == (0, [])


def test_deployments_do_not_change_each_other():
    attributes, groups, rng = questions(n=600)
    who = attributes["question word"] == "who"
    outcomes = {name: rng.random(600) < 0.1 + 0.2 * who for name in ("large", "small")}
    outcomes |= {"same": np.zeros(600, dtype=bool), "broken": np.ones(600, dtype=bool)}
    together = search(attributes, outcomes, groups, permutations=300)
    for name in outcomes:
        alone = search(attributes, {name: outcomes[name]}, groups, permutations=300)
        assert [one.p for one in together.deployments[name].slices] == [
            one.p_all_deployments for one in alone.deployments[name].slices
        ]
    assert together.deployments["same"].slices == together.deployments["broken"].slices == []
    [large, *_] = together.deployments["large"].slices
    assert large.p_all_deployments >= large.p
    json.dumps(asdict(together), allow_nan=False)


def test_the_order_of_examples_and_the_names_of_groups_do_not_matter():
    attributes, groups, rng = questions(n=600)
    changed = rng.random(600) < 0.1 + 0.15 * (attributes["question word"] == "who")
    before = search(attributes, {"m": changed}, groups, permutations=300)
    order = rng.permutation(600)
    shuffled = {name: column[order] for name, column in attributes.items()}
    names = np.array([f"paragraph {group:04}" for group in groups])
    assert search(shuffled, {"m": changed[order]}, names[order], permutations=300) == before
    assert before.deployments["m"].slices


def test_nothing_outside_gives_no_ratio():
    kind = np.repeat(["a", "b"], 100)
    found = search({"kind": kind}, {"m": (kind == "a") & (np.arange(200) % 2 == 0)}, np.arange(200))
    [only] = found.deployments["m"].slices
    assert (only.description, only.rate.value, only.rate_outside, only.ratio) == ("kind = a", 0.5, 0.0, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": []}, "groups of shape"),
        ({"attributes": {"kind": ["a"] * 9}}, "attribute kind: shape"),
        ({"attributes": {"kind": [None] * 10}}, "attribute kind: object values"),
        ({"attributes": {"kind": [1.0] * 9 + [np.inf]}}, "attribute kind: infinite at example 9"),
        ({"outcomes": {"m": np.zeros(9, dtype=bool)}}, "outcome of m"),
        ({"outcomes": {"m": np.zeros(10)}}, "outcome of m: float64"),
        ({"depth": 3}, "depth = 3"),
        ({"minimum": 0}, "minimum = 0"),
        ({"permutations": 18}, "permutations = 18"),
        ({"level": 0.0}, "level = 0.0"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"attributes": {"kind": list("abcdefghij")}, "outcomes": {"m": np.zeros(10, dtype=bool)}}
    with pytest.raises(BenchmarkError, match=message) as error:
        search(**(good | {"groups": np.arange(10)} | change))
    assert "\n" not in str(error.value)
