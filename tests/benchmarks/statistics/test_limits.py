"""Limits: interval and test agree, error rates are what they claim, and what would tell does tell."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.limits import (
    Exact,
    Limited,
    Median,
    Ratio,
    Share,
    Tested,
    Widened,
    examples_needed,
    judge,
    processes_needed,
)
from benchmarks.statistics.shares import TAIL, share_interval

SIXTY = Share(0.10, 600)


@given(events=st.integers(0, 400), n=st.integers(20, 400))
def test_a_share_is_found_again_in_its_interval_and_is_never_surer(events: int, n: int) -> None:
    stored = share_interval(min(events, n), n)
    found = Share.of(stored)
    assert found is not None
    assert found.n == pytest.approx(n, rel=1e-6)
    assert stored.low is not None
    assert stored.high is not None
    assert found.low(TAIL) <= stored.low + 1e-6
    assert found.high(TAIL) >= stored.high - 1e-6


@pytest.mark.parametrize(
    "tested",
    [
        SIXTY,
        Share(0.0, 600),
        Widened.of(Estimate(0.6, 0.5, 0.65)),
        Ratio.of(Estimate(1.5, 1.2, 1.7)),
        Median((1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7)),
    ],
)
@pytest.mark.parametrize("tail", [0.025, 0.005])
def test_an_interval_ends_where_its_test_does(tested: Tested, tail: float) -> None:
    low, high = tested.low(tail), tested.high(tail)
    assert high > low
    if low > 0:
        assert tested.p_above(low * 0.999) < tail <= tested.p_above(low * 1.001)
    assert tested.p_below(high * 1.001) < tail <= tested.p_below(high * 0.999)


def test_the_whole_interval_decides() -> None:
    limits = {0.15: "inside", 0.11: "cannot tell", 0.05: "outside"}
    for limit, place in limits.items():
        assert judge({"": Limited(SIXTY, "at most", limit)})[""].place == place
    turned = {0.15: "outside", 0.09: "cannot tell", 0.05: "inside"}
    for limit, place in turned.items():
        assert judge({"": Limited(SIXTY, "at least", limit)})[""].place == place


def test_only_what_fails_the_whole_is_corrected() -> None:
    alone = judge({0: Limited(SIXTY, "at most", 0.076)})[0]
    among = judge({i: Limited(SIXTY if not i else Share(0.01, 600), "at most", 0.076) for i in range(12)})
    assert (alone.place, among[0].place) == ("outside", "cannot tell")
    assert alone.low is not None and among[0].low is not None and alone.low > among[0].low
    assert alone.high == among[0].high
    assert all(among[i].place == "inside" for i in range(1, 12))


def test_a_figure_without_noise_weighs_on_no_other() -> None:
    sizes = {i: Limited(Exact(10.0), "at most", 20.0) for i in range(1, 12)}
    assert judge({0: Limited(SIXTY, "at most", 0.076), **sizes})[0].place == "outside"


@pytest.mark.parametrize(("limit", "place"), [(10.0, "inside"), (9.9, "outside"), (10.1, "inside")])
def test_what_lies_on_an_exact_limit_is_inside(limit: float, place: str) -> None:
    assert judge({"": Limited(Exact(10.0), "at most", limit)})[""].place == place


def test_fewer_than_six_processes_tell_nothing() -> None:
    five, six = (Median((1.0,) * count) for count in (5, 6))
    assert judge({"": Limited(five, "at most", 100.0)})[""].place == "cannot tell"
    assert (five.low(TAIL), five.high(TAIL)) == (-inf, inf)
    assert judge({"": Limited(six, "at most", 100.0)})[""].place == "inside"
    assert processes_needed(TAIL) == 6


@pytest.mark.slow
def test_as_many_examples_as_are_asked_for_tell() -> None:
    random = np.random.default_rng(0)
    share, n, limit = 0.04, 600, 0.05
    needed = examples_needed(judge({"": Limited(Share(share, n), "at most", limit)})[""].times_needed, n)
    assert needed is not None
    seen = random.binomial(needed, share, size=2000) / needed
    told = np.mean([judge({"": Limited(Share(one, needed), "at most", limit)})[""].place == "inside" for one in seen])
    assert told == pytest.approx(0.8, abs=0.05)


@pytest.mark.slow
def test_a_share_on_its_limit_is_rarely_judged_wrongly() -> None:
    random = np.random.default_rng(0)
    seen = random.binomial(600, 0.05, size=4000) / 600
    places = [judge({"": Limited(Share(one, 600), "at most", 0.05)})[""].place for one in seen]
    assert places.count("inside") / len(places) < 0.035
    assert places.count("outside") / len(places) < 0.035


@pytest.mark.slow
def test_a_family_on_its_limits_rarely_fails_the_whole() -> None:
    random = np.random.default_rng(0)
    failed = 0
    for _ in range(1000):
        seen = random.binomial(600, 0.05, size=10) / 600
        failed += any(
            one.place == "outside"
            for one in judge({i: Limited(Share(x, 600), "at most", 0.05) for i, x in enumerate(seen)}).values()
        )
    assert failed / 1000 < 0.04


def test_errors_of_independent_figures_add() -> None:
    one, other = Widened.of(Estimate(0.6, 0.5, 0.7)), Widened.of(Estimate(0.4, 0.3, 0.5))
    assert one is not None
    assert other is not None
    less = one.less(other)
    assert less.value == pytest.approx(0.2)
    assert less.high(TAIL) - 0.2 == pytest.approx(0.1 * 2**0.5)
    twice = Ratio.of(Estimate(2.0, 1.0, 4.0))
    assert twice is not None
    ratio = twice.over(twice)
    assert ratio.value == pytest.approx(1.0)
    assert ratio.high(TAIL) == pytest.approx(2**2**0.5)
