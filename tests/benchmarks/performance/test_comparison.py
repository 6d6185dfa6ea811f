"""Two sets of processes against each other: figures that can be counted by hand, and simulations with a known truth."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, rankdata

from benchmarks.errors import BenchmarkError
from benchmarks.performance.comparison import (
    Sample,
    Values,
    beyond,
    judge,
    judge_exactly,
    mann_whitney,
    processes_needed,
    ratio,
    smallest_p,
)

FAST: Values = (1.00, 1.01, 1.02, 1.03, 1.04)
SLOW: Values = (1.20, 1.21, 1.22, 1.23, 1.24)


def by_enumeration(before: Values, after: Values) -> float:
    """The share of all ways to deal the values out whose rank sum is as far from the mean as what was seen."""
    ranks = rankdata(before + after)
    mean = len(after) * ranks.mean()
    seen = abs(ranks[len(before) :].sum() - mean)
    ways = [abs(sum(ranks[list(chosen)]) - mean) for chosen in combinations(range(len(ranks)), len(after))]
    return float(np.mean(np.array(ways) >= seen - 1e-9))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1, 2, 3, 4), (5, 6, 7, 8)),
        ((1, 4, 6, 7), (2, 3, 5, 8, 9)),
        ((1, 1, 2, 3), (3, 4, 4, 5)),
        ((1, 1, 1, 1), (2, 2, 2)),
        ((1, 2, 2, 2, 2), (2, 2, 3)),
        ((5, 5, 5), (5, 5, 5)),
    ],
)
def test_p_is_exact_with_and_without_ties(before: Values, after: Values) -> None:
    assert mann_whitney(before, after) == pytest.approx(by_enumeration(before, after))
    assert mann_whitney(after, before) == pytest.approx(by_enumeration(before, after))


def test_with_ties_and_many_processes_p_nears_the_normal_approximation() -> None:
    random = np.random.default_rng(0)
    before, after = (tuple(map(float, random.integers(20, 60, 40) + shift)) for shift in (0, 5))
    assert len(set(before + after)) < 80
    expected = mannwhitneyu(before, after, method="asymptotic").pvalue
    assert 0.001 < expected < 0.2  # neither end, where all would agree
    assert mann_whitney(before, after) == pytest.approx(expected, rel=0.05)


def test_the_least_p_is_that_of_separated_samples() -> None:
    assert smallest_p(5, 5) == pytest.approx(mann_whitney(FAST, SLOW)) == pytest.approx(2 / 252)
    assert smallest_p(1, 1) == 1
    assert [processes_needed(tests) for tests in (1, 5, 30, 120)] == [4, 5, 7, 8]


def test_the_ratio_is_the_median_over_pairs() -> None:
    estimate = ratio((1.0, 2.0, 4.0), (2.0, 4.0, 8.0))  # 0.5, 1, 1, 2, 2, 2, 4, 4, 8
    assert estimate.value == pytest.approx(2)
    assert estimate.low is None and estimate.high is None  # three against three
    turned = ratio(SLOW, FAST)
    straight = ratio(FAST, SLOW)
    assert turned.value == pytest.approx(1 / (straight.value or 0))
    assert turned.low == pytest.approx(1 / (straight.high or 0))


def test_the_interval_of_four_against_four_is_all_ratios() -> None:
    estimate = ratio((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0))
    assert (estimate.low, estimate.high) == pytest.approx((5 / 4, 8))


def test_the_interval_leaves_out_one_where_the_test_rejects_it() -> None:
    random = np.random.default_rng(3)
    rejected = 0
    for _ in range(300):
        before = tuple(np.exp(random.normal(0, 0.1, 6)))
        after = tuple(np.exp(random.normal(0.12, 0.1, 7)))
        estimate = ratio(before, after)
        assert estimate.low is not None and estimate.high is not None
        outside = not estimate.low <= 1 <= estimate.high
        assert outside == (mann_whitney(before, after) < 0.05)
        rejected += outside
    assert 50 < rejected < 250  # both cases were seen


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    held = 0
    for _ in range(1000):
        estimate = ratio(tuple(np.exp(random.normal(0, 0.05, 8))), tuple(1.3 * np.exp(random.normal(0, 0.05, 8))))
        held += (estimate.low or 0) <= 1.3 <= (estimate.high or 0)
    # 95.0 % or a little more, as the distribution is of whole numbers; four standard errors of 1,000 draws
    assert 0.95 - 4 * 0.007 <= held / 1000 <= 0.96 + 4 * 0.007


def test_what_is_called_and_in_which_direction() -> None:
    samples = {"up": Sample(FAST, SLOW), "down": Sample(SLOW, FAST), "same": Sample(FAST, FAST)}
    found = judge(samples, 0.05)
    assert {name: change.conclusion for name, change in found.items()} == {
        "up": "higher",
        "down": "lower",
        "same": "no change seen",
    }
    assert found["up"].p_alone == pytest.approx(2 / 252) and found["up"].p == pytest.approx(6 / 252)
    assert found["up"].processes_needed is None


def test_a_change_below_the_minimum_effect_is_none_that_matters() -> None:
    (found,) = judge({"x": Sample(FAST, SLOW)}, 0.25).values()  # B/A is 1.196
    assert found.conclusion == "no change seen" and "minimum effect" in found.reason
    assert found.p == 1


def test_a_change_has_to_be_beyond_the_minimum_effect_beyond_chance() -> None:
    """All of one side lie beyond all of the other; not all by so much."""
    (found,) = judge({"x": Sample(FAST, SLOW)}, 0.15).values()  # 1.20 / 1.04 is 1.154
    assert found.conclusion == "higher" and found.p_alone == pytest.approx(2 / 252)
    (found,) = judge({"x": Sample(FAST, SLOW)}, 0.18).values()
    assert found.conclusion == "no change seen" and found.p is not None and 0.05 < found.p < 1
    (turned,) = judge({"x": Sample(SLOW, FAST)}, 0.13).values()  # 1.04 / 1.20 is 0.867
    assert turned.conclusion == "lower" and turned.p_alone == pytest.approx(2 / 252)


@pytest.mark.parametrize("edge", [1.05, 0.95])
def test_a_drift_of_the_minimum_effect_is_called_no_more_often_than_the_level_says(edge: float) -> None:
    random = np.random.default_rng(6)
    called = 0
    for _ in range(1000):
        before, after = tuple(np.exp(random.normal(0, 0.02, 8))), tuple(edge * np.exp(random.normal(0, 0.02, 8)))
        called += beyond(before, after, 0.05) < 0.05
    assert 0 < called / 1000 < 0.025 + 4 * 0.005  # the half of the level that is on this side


def test_without_a_minimum_effect_it_is_the_rank_test_itself() -> None:
    assert beyond(FAST, SLOW, 0) == mann_whitney(FAST, SLOW)


def test_doubtful_values_conclude_nothing() -> None:
    (found,) = judge({"x": Sample(FAST, SLOW, doubt="it drifted")}, 0.05).values()
    assert (found.conclusion, found.reason) == ("cannot tell", "it drifted")
    assert found.p is not None and found.p < 0.05


def test_few_processes_cannot_tell_and_it_is_said_how_many_could() -> None:
    few = Sample(FAST[:4], SLOW[:4])
    assert judge({"one": few}, 0.05)["one"].conclusion == "higher"
    found = judge(dict.fromkeys("abcde", few), 0.05)["a"]  # 5 x 2/70 is above 0.05
    assert (found.conclusion, found.processes_needed) == ("cannot tell", 5)
    assert found.p == pytest.approx(10 / 70)
    lone = judge({"lone": Sample((1.0,), (3.0,))}, 0.05)["lone"]
    assert (lone.conclusion, lone.p, lone.processes_needed) == ("cannot tell", None, 4)
    assert lone.ratio.value == pytest.approx(3) and lone.ratio.low is None


def test_a_figure_that_cannot_be_tested_does_not_weigh_on_the_others() -> None:
    alone = judge({"x": Sample(FAST, SLOW)}, 0.05)["x"]
    beside = judge({"x": Sample(FAST, SLOW), **{f"y{i}": Sample((1.0,), (1.0,)) for i in range(50)}}, 0.05)["x"]
    assert beside.p == alone.p and beside.conclusion == "higher"


def test_too_few_that_are_left_are_told_apart_from_too_few() -> None:
    few = Sample(FAST[:4], SLOW[:4], left_out=2)
    found = judge(dict.fromkeys("abcde", few), 0.05)["a"]
    assert found.conclusion == "cannot tell" and found.processes_needed == 5 and "settled" in found.reason


def test_figures_without_noise() -> None:
    assert judge_exactly(100, 120, 0.05).conclusion == "higher"
    assert judge_exactly(100, 80, 0.05).conclusion == "lower"
    within = judge_exactly(100, 104, 0.05)
    assert within.conclusion == "no change seen" and "differs" in within.reason and within.ratio.value == 1.04
    assert judge_exactly(100, 100, 0.0).reason == "exact: the same"


@pytest.mark.parametrize("sample", [Sample((), (1.0,)), Sample((1.0,), (0.0,)), Sample((1.0,), (float("nan"),))])
def test_values_without_a_ratio_are_refused(sample: Sample) -> None:
    with pytest.raises(BenchmarkError, match="leave the figure out"):
        judge({"x": sample}, 0.05)


def test_a_minimum_effect_that_is_none_is_refused() -> None:
    for effect in (-0.1, float("nan")):
        with pytest.raises(BenchmarkError, match="minimum effect"):
            judge({"x": Sample(FAST, SLOW)}, effect)


@pytest.mark.slow
def test_how_often_a_slowdown_is_found_among_thirty_figures() -> None:
    """The table of docs/comparing-runs.md, on fewer tries: log-normal noise of 3 %, one figure of 30 changed."""
    random = np.random.default_rng(5)

    def values(factor: float) -> Values:
        return tuple(factor * np.exp(random.normal(0, 0.03, 8)))

    found, alarms = {1.06: 0, 1.15: 0, 1.20: 0}, 0
    for factor in found:
        for _ in range(60):
            changes = judge({i: Sample(values(1), values(factor if i == 0 else 1)) for i in range(30)}, 0.05)
            found[factor] += changes[0].conclusion == "higher"
            alarms += any(changes[i].conclusion != "no change seen" for i in range(1, 30))
    assert found[1.06] / 60 < 0.05
    assert 0.6 < found[1.15] / 60 < 0.98
    assert found[1.20] / 60 > 0.95
    assert alarms <= 5  # 3 % of 180
