"""Verdicts against noise floors: simulated studies in which the truth is known."""

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.statistics.bootstrap import GroupBootstrap
from benchmarks.statistics.equivalence import holm, judge, judge_changes


def study(rng, groups, changed):
    """Distances of deployments whose predictions differ from the reference's at the given rates, in groups."""
    labels = np.repeat(np.arange(groups), rng.integers(1, 6, groups))
    tilt = rng.gamma(2, 0.5, groups)[labels]  # some paragraphs are changed more than others
    bootstrap = GroupBootstrap(labels, resamples=300, seed=int(rng.integers(1 << 30)))
    differs = {name: rng.random(len(labels)) < rate * tilt for name, rate in changed.items()}
    distances = {("reference", name): bootstrap.means(column)[:, 0] for name, column in differs.items()}
    return bootstrap, distances


def conclusions(rng, groups, changed, margin=0.02):
    bootstrap, distances = study(rng, groups, changed)
    floors = {name: [("reference", "again")] for name in changed if name != "again"}
    return {name: v.conclusion for name, v in judge(bootstrap, distances, "reference", floors, margin).items()}


def test_two_runs_of_one_model_are_rarely_called_different():
    """Three deployments that are as far away as the floor: at least one is called different in 5 % at most."""
    rng = np.random.default_rng(0)
    same = {"again": 0.08, "a": 0.08, "b": 0.08, "c": 0.08}
    alarms = sum("different" in conclusions(rng, 150, same).values() for _ in range(300))
    assert alarms / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_what_is_beyond_the_margin_is_rarely_called_the_same():
    rng = np.random.default_rng(1)
    beyond = {"again": 0.05, "a": 0.07}
    missed = sum(conclusions(rng, 150, beyond)["a"] == "same" for _ in range(400))
    assert missed / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_clear_cases():
    rng = np.random.default_rng(2)
    assert conclusions(rng, 2000, {"again": 0.01, "a": 0.2, "b": 0.012}) == {"a": "different", "b": "same"}
    assert conclusions(rng, 40, {"again": 0.05, "a": 0.06}) == {"a": "cannot tell"}


def test_closer_than_the_floor_is_the_same():
    rng = np.random.default_rng(3)
    assert conclusions(rng, 600, {"again": 0.2, "a": 0.01}) == {"a": "same"}


def test_no_change_among_few_examples_proves_nothing():
    for n, conclusion in ((50, "cannot tell"), (5000, "same")):
        bootstrap = GroupBootstrap(np.arange(n), resamples=50, seed=0)
        nothing = bootstrap.means(np.zeros(n, dtype=bool))[:, 0]
        distances = {("reference", "a"): nothing, ("reference", "again"): nothing}
        verdict = judge(bootstrap, distances, "reference", {"a": [("again", "reference")]}, 0.01)["a"]
        assert verdict.conclusion == conclusion
        assert verdict.times_floor.value is None  # nothing is no multiple of nothing
        assert (verdict.examples_needed or 0) > n or conclusion == "same"


def test_the_examples_needed_are_enough():
    """A study of that size tells in 80 % of the cases or more, one of a quarter of it does not."""
    rng = np.random.default_rng(4)
    bootstrap, distances = study(rng, 300, {"again": 0.05, "a": 0.055})
    verdict = judge(bootstrap, distances, "reference", {"a": [("reference", "again")]}, 0.02)["a"]
    assert verdict.conclusion == "cannot tell"
    needed = verdict.examples_needed
    assert needed is not None and needed > bootstrap.n
    floor, excess = verdict.floor.value, verdict.excess.value
    assert floor is not None and excess is not None
    rates = {"again": floor, "a": floor + excess}

    def told(groups):
        return np.mean([conclusions(rng, groups, rates)["a"] != "cannot tell" for _ in range(60)])

    assert told(needed // 3) >= 0.7  # three examples a group; both answers are possible here, so it may be more
    assert told(needed // 12) <= 0.75


def test_the_floor_is_the_furthest_of_its_pairs():
    n = 1000
    bootstrap = GroupBootstrap(np.arange(n), resamples=20, seed=0)

    def share(count):
        return bootstrap.means(np.arange(n) < count)[:, 0]

    distances = {("r", "x"): share(60), ("r", "s1"): share(20), ("s1", "s2"): share(40)}
    found = judge(bootstrap, distances, "r", {"x": [("s1", "r"), ("s2", "s1")], "y": [("r", "s1")]}, 0.01)
    assert set(found) == {"x"}  # y was not compared
    assert found["x"].floor.value == pytest.approx(0.04)
    assert found["x"].excess.value == pytest.approx(0.02)
    assert found["x"].times_floor.value == pytest.approx(1.5)
    assert judge(bootstrap, distances, "r", {}, 0.01) == {}


def test_a_change_of_score_is_judged_in_both_directions():
    n = 4000
    rng = np.random.default_rng(5)
    bootstrap = GroupBootstrap(np.arange(n), resamples=400, seed=0)

    def change(newly_right, newly_wrong):
        moves = rng.choice([1.0, -1.0, 0.0], size=n, p=[newly_right, newly_wrong, 1 - newly_right - newly_wrong])
        return bootstrap.means(moves)[:, 0]

    found = judge_changes(
        {"better": change(0.06, 0.01), "worse": change(0.01, 0.06), "other": change(0.02, 0.02)}, 0.01, n
    )
    assert {name: entry.conclusion for name, entry in found.items()} == {
        "better": "different",
        "worse": "different",
        "other": "same",
    }
    assert (found["better"].change.value or 0) > 0 > (found["worse"].change.value or 0)
    assert judge_changes({}, 0.01, n) == {}


def test_paired_p_values_are_those_of_a_z_test():
    n = 2000
    rng = np.random.default_rng(6)
    moves = rng.choice([1.0, -1.0, 0.0], size=n, p=[0.04, 0.03, 0.93])
    bootstrap = GroupBootstrap(np.arange(n), resamples=4000, seed=0)
    [found] = judge_changes({"a": bootstrap.means(moves)[:, 0]}, 0.01, n).values()
    z = moves.mean() / (moves.std() / np.sqrt(n))
    assert found.p_different == pytest.approx(2 * norm.sf(abs(z)), rel=0.1)


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # Holm's own rule: 3p, 2p, p, monotone
    assert holm([0.9, np.nan, 0.6])[[0, 2]] == pytest.approx([1.0, 1.0])
    assert np.isnan(holm([0.9, np.nan])[1])
