"""Verdicts against noise floors: simulated studies in which the truth is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t

from benchmarks.statistics.bootstrap import Floats, GroupBootstrap
from benchmarks.statistics.equivalence import (
    ExampleOutcomes,
    Family,
    Floor,
    NormalChange,
    PairedShares,
    Trainings,
    Verdict,
    holm,
    judge,
    judge_changes,
    training_spread,
)
from benchmarks.statistics.shares import Bools, design_effect

Integers = NDArray[np.integer]
RERUN = Floor("execution", ("again",))


def judged(
    changed: Mapping[str, Bools], groups: Integers | None = None, margin: float = 0.02, floor: Floor = RERUN
) -> dict[str, Verdict]:
    """Verdicts on deployments by whether each example's prediction differs from the reference's."""
    n = len(next(iter(changed.values())))
    bootstrap = GroupBootstrap(np.arange(n) if groups is None else groups, resamples=50, seed=0)
    columns = {("reference", name): column for name, column in changed.items()}
    return judge(
        {pair: bootstrap.means(column)[:, 0] for pair, column in columns.items()},
        "reference",
        {name: floor for name in changed if name not in floor.members},
        margin,
        examples=n,
        outcomes=ExampleOutcomes(
            columns, design_effect(np.stack(list(columns.values()), axis=1), bootstrap.index).effect
        ),
    )


def study(rng: np.random.Generator, groups: int, changed: Mapping[str, float]) -> tuple[dict[str, Bools], Integers]:
    """Predictions that differ from the reference's at the given rates, in groups."""
    labels = np.repeat(np.arange(groups), rng.integers(1, 6, groups))
    tilt = rng.gamma(2, 0.5, groups)[labels]  # some paragraphs are changed more than others
    return {name: rng.random(len(labels)) < rate * tilt for name, rate in changed.items()}, labels


def conclusions(rng: np.random.Generator, groups: int, changed: Mapping[str, float]) -> dict[str, str]:
    return {name: verdict.conclusion for name, verdict in judged(*study(rng, groups, changed)).items()}


@pytest.mark.slow
def test_two_runs_of_one_model_are_rarely_called_different() -> None:
    """Three deployments that are as far away as the floor: at least one is called different in 5 % at most."""
    rng = np.random.default_rng(0)
    same = {"again": 0.08, "a": 0.08, "b": 0.08, "c": 0.08}
    alarms = sum("different" in conclusions(rng, 150, same).values() for _ in range(300))
    assert alarms / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.slow
def test_what_is_beyond_the_margin_is_rarely_called_the_same() -> None:
    rng = np.random.default_rng(1)
    beyond = {"again": 0.05, "a": 0.07}
    missed = sum(conclusions(rng, 150, beyond)["a"] == "same" for _ in range(400))
    assert missed / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_clear_cases() -> None:
    rng = np.random.default_rng(2)
    assert conclusions(rng, 2000, {"again": 0.01, "a": 0.2, "b": 0.012}) == {"a": "different", "b": "same"}
    assert conclusions(rng, 40, {"again": 0.05, "a": 0.06}) == {"a": "cannot tell"}
    assert conclusions(rng, 600, {"again": 0.2, "a": 0.01}) == {"a": "same"}  # closer than the floor


def test_no_change_among_few_examples_proves_nothing() -> None:
    for n, conclusion in ((50, "cannot tell"), (5000, "same")):
        nothing = np.zeros(n, dtype=bool)
        verdict = judged({"a": nothing, "again": nothing}, margin=0.01)["a"]
        assert verdict.conclusion == conclusion
        assert verdict.times_floor.value is None  # nothing is no multiple of nothing
        assert (verdict.examples_needed or 0) > n or conclusion == "same"


def test_no_change_in_groups_proves_less() -> None:
    """0 of 600: within 1 % where examples are independent, not where five of a group are taken to change together."""
    nothing = np.zeros(600, dtype=bool)
    independent = judged({"a": nothing, "again": nothing}, margin=0.01)["a"]
    grouped = judged({"a": nothing, "again": nothing}, np.repeat(np.arange(60), 10), margin=0.01)["a"]
    assert (independent.p_same or 1) < (grouped.p_same or 0)
    assert (independent.excess.high or 1) < (grouped.excess.high or 0)


def test_more_changes_are_never_less_sure_to_be_changes() -> None:
    highs = []
    for changes in range(8):
        verdict = judged({"a": np.arange(600) < changes, "again": np.zeros(600, dtype=bool)}, margin=0.01)["a"]
        highs.append(verdict.excess.high)
    assert highs == sorted(highs, key=lambda high: high or 0.0)


@pytest.mark.slow
def test_a_verdict_never_contradicts_its_interval() -> None:
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(400):
        rates = {"again": rng.beta(1, 40), **{name: rng.beta(1, 30) for name in "abc"[: rng.integers(1, 4)]}}
        for verdict in judged(*study(rng, int(rng.integers(20, 400)), rates), margin=0.01).values():
            seen.add(verdict.conclusion)
            low, high = verdict.excess.low, verdict.excess.high
            assert low is not None and high is not None
            within = high < verdict.margin + 1e-9
            assert (verdict.conclusion == "same") == within
            assert verdict.conclusion != "different" or low > -1e-9
            assert verdict.conclusion != "cannot tell" or low <= 1e-9
    assert seen == {"same", "different", "cannot tell"}


@pytest.mark.parametrize(
    ("floor", "held"),
    [
        pytest.param(0.05, 0.055, marks=pytest.mark.nightly),
        pytest.param(0.05, 0.065, marks=pytest.mark.nightly),
        pytest.param(0.05, 0.0725, marks=pytest.mark.slow),
    ],
)
def test_the_examples_needed_have_the_power_that_is_promised(floor: float, held: float) -> None:
    rng = np.random.default_rng(4)
    labels = np.arange(400)
    changed = {"again": labels < 400 * floor, "a": (labels >= 200) & (labels < 200 + 400 * held)}
    verdict = judged(changed)["a"]
    assert verdict.conclusion == "cannot tell"
    needed = verdict.examples_needed
    assert needed is not None and needed > 400

    def told() -> bool:
        n = int(needed or 0)
        return judged({"again": rng.random(n) < floor, "a": rng.random(n) < held})["a"].conclusion != "cannot tell"

    assert np.mean([told() for _ in range(400)]) == pytest.approx(0.8, abs=0.08)


def test_other_things_than_shares_are_judged_by_their_normal_errors() -> None:
    change = NormalChange(0.03, 0.01, None)
    assert change.p_above(0.0) == pytest.approx(0.00135, abs=1e-5)
    assert change.low(0.05) == pytest.approx(0.03 - 1.6449 * 0.01, abs=1e-4)
    assert change.high(0.05) == pytest.approx(0.03 + 1.6449 * 0.01, abs=1e-4)
    # No error at all among ten things does not prove that there is none.
    assert NormalChange(0.0, 0.0, 10.0).p_below(0.05) > 0.05 > NormalChange(0.0, 0.0, None).p_below(0.05)


# --- trainings -----------------------------------------------------------------------------------


def trainings(rng: np.random.Generator, count: int, spread: float, noise: float = 0.0, mean: float = 0.1) -> Floats:
    """Distances between trainings: each training has an effect, each pair some noise."""
    effects = rng.normal(0, spread, count)
    pairs = rng.normal(0, noise, (count, count))
    return np.asarray(mean + effects[:, None] + effects[None, :] + (pairs + pairs.T) / np.sqrt(2))


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 5])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_one_more_training_is_rarely_called_different(count: int, noise: float) -> None:
    rng = np.random.default_rng(count)
    alarms = 0
    for _ in range(2000):
        table = trainings(rng, count + 1, 0.01, noise)
        further = Trainings.of(float(table[0, count]), table[:count, :count], 0.0)
        alarms += further.p_above(0.0) < 0.05
    assert alarms / 2000 <= 0.06 + 2 * np.sqrt(0.06 * 0.94 / 2000)


def test_the_spread_of_trainings_is_found() -> None:
    rng = np.random.default_rng(0)
    for noise in (0.0, 0.02):
        found = [training_spread(trainings(rng, 5, 0.01, noise)) ** 2 for _ in range(2000)]
        assert np.mean(found) == pytest.approx(0.01**2 + noise**2, rel=0.1)
    assert np.isnan(training_spread(trainings(rng, 2, 0.01)))


def test_two_trainings_cannot_tell_and_say_how_many_could() -> None:
    rng = np.random.default_rng(5)
    columns = {name: rng.random(500) < rate for name, rate in (("s1", 0.05), ("x", 0.4))}
    (verdict,) = judged(columns, floor=Floor("seed", ("s1",))).values()
    assert verdict.conclusion == "cannot tell" and verdict.trainings == 2 and verdict.trainings_needed == 3
    assert verdict.p_different is None and verdict.p_same is None and verdict.examples_needed is None
    assert verdict.excess.value == pytest.approx(columns["x"].mean() - columns["s1"].mean())
    assert verdict.excess.low is None and verdict.excess.high is None


def test_the_mean_of_the_trainings_is_the_floor() -> None:
    n = 1000
    bootstrap = GroupBootstrap(np.arange(n), resamples=20, seed=0)
    distances = {
        pair: bootstrap.means(np.arange(n) < count)[:, 0]
        for pair, count in ((("r", "x"), 600), (("r", "s1"), 20), (("r", "s2"), 30), (("s1", "s2"), 40))
    }
    floors = {"x": Floor("seed", ("s1", "s2")), "y": Floor("seed", ("s1", "s2"))}
    found = judge(distances, "r", floors, 0.01, examples=n)
    assert set(found) == {"x"}  # y was not compared
    assert found["x"].conclusion == "different" and found["x"].trainings == 3
    assert found["x"].floor.value == pytest.approx(0.025)
    assert found["x"].excess.value == pytest.approx(0.575)
    assert found["x"].times_floor.value == pytest.approx(24)
    assert judge(distances, "r", {}, 0.01, examples=n) == {}


def test_trainings_are_a_prediction_by_students_t() -> None:
    held = Trainings(0.09, 0.05, 0.01, root=0.2, root_spread=0.02, trainings=5, error=0.0)
    error = 0.02 * np.sqrt(1.25)
    assert held.p_above(0.0) == pytest.approx(t.sf((0.3 - 0.2) / error, 4))
    assert held.low(0.05) == pytest.approx(0.09 - (0.2 + t.isf(0.05, 4) * error) ** 2)
    assert held.p_above(held.low(0.05)) == pytest.approx(0.05)
    assert held.p_above(0.1) == pytest.approx(t.sf(-0.2 / error, 4)), "below what a distance can be"


# --- scores --------------------------------------------------------------------------------------


def test_a_change_of_score_is_judged_in_both_directions() -> None:
    n = 4000
    found = judge_changes(
        {"better": PairedShares(240, 40, n), "worse": PairedShares(40, 240, n), "other": PairedShares(60, 60, n)},
        0.01,
        dict.fromkeys(("better", "worse", "other"), n),
    )
    assert {name: entry.conclusion for name, entry in found.items()} == {
        "better": "different",
        "worse": "different",
        "other": "same",
    }
    assert (found["better"].change.value or 0) > 0 > (found["worse"].change.value or 0)
    assert judge_changes({}, 0.01, {}) == {}


def test_the_interval_of_a_score_answers_both_questions() -> None:
    rng = np.random.default_rng(6)
    for _ in range(300):
        n = int(rng.integers(50, 3000))
        gained, lost = rng.binomial(n, rng.beta(1, 30, 2))
        (found,) = judge_changes({"a": PairedShares(gained, lost, n)}, 0.01, {"a": n}).values()
        low, high = found.change.low, found.change.high
        assert low is not None and high is not None
        assert (found.conclusion == "same") == (low > -0.01 and high < 0.01)
        assert found.conclusion != "different" or low > 0 or high < 0
        assert found.conclusion != "cannot tell" or low <= 0 <= high


def test_levels_are_those_of_holm() -> None:
    family = Family.of([0.001, 0.04, 0.03, np.nan])
    assert family.p[:3] == pytest.approx([0.003, 0.06, 0.06])
    assert family.levels[:3] == pytest.approx([0.05 / 3, 0.025, 0.025])  # the second is not refused, nor the third


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # Holm's own rule: 3p, 2p, p, monotone
    assert holm([0.9, np.nan, 0.6])[[0, 2]] == pytest.approx([1.0, 1.0])
    assert np.isnan(holm([0.9, np.nan])[1])
