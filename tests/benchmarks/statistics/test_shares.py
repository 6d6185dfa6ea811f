"""Score intervals and design effects against libraries and simulated groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.statistics.bootstrap import UNDEFINED, GroupBootstrap
from benchmarks.statistics.shares import (
    ASSUMED_CORRELATION,
    PairedChange,
    design_effect,
    overlaps_of_sets,
    paired_change,
    share,
    share_interval,
    shares,
)
from tests.benchmarks.figures import complete


@pytest.mark.parametrize(("events", "n"), [(0, 50), (3, 50), (25, 50), (50, 50), (7, 6000)])
def test_an_interval_of_a_share_is_wilsons(events: int, n: int) -> None:
    expected = binomtest(events, n).proportion_ci(method="wilson")
    low, value, high = complete(share_interval(events, n))
    assert (low, value, high) == pytest.approx((expected.low, events / n, expected.high))


def test_paired_differences_are_those_of_the_literature() -> None:
    """Tango (1998), table 3: 43 of 44 agree, 0 against 1; and 36 + 12 against 2 of 54 (his example of cross-over)."""
    low, value, high = complete(PairedChange(gained=12, lost=2, n=54).interval())
    assert value == pytest.approx(10 / 54) and (low, high) == pytest.approx((0.0609, 0.3117), abs=0.02)
    turned = complete(PairedChange(gained=2, lost=12, n=54).interval())
    assert turned == pytest.approx((-high, -value, -low))


def test_without_a_difference_the_score_is_mcnemars() -> None:
    assert PairedChange(12, 2, 54).score(0.0) == pytest.approx((12 - 2) / np.sqrt(12 + 2))


def test_examples_of_a_group_that_are_alike_count_once() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(4000), 5)
    alike = design_effect(np.repeat(rng.random(4000) < 0.3, 5), groups)
    assert alike.effect == pytest.approx(5, rel=0.05) and alike.events > 1000
    independent = design_effect(rng.random(20_000) < 0.3, groups)
    assert independent.effect == pytest.approx(1, abs=0.1)
    some = design_effect(rng.random(20_000) < np.repeat(rng.beta(1.2, 2.8, 4000), 5), groups)
    assert some.correlation == pytest.approx(0.2, abs=0.03)


def test_where_nothing_changed_a_correlation_is_assumed() -> None:
    nothing = design_effect(np.zeros((600, 3), dtype=bool), np.repeat(np.arange(120), 5))
    assert nothing.events == 0 and nothing.correlation == ASSUMED_CORRELATION
    assert nothing.effect == pytest.approx(1 + 4 * ASSUMED_CORRELATION)
    assert design_effect(np.zeros(600, dtype=bool), np.arange(600)).effect == 1  # no groups


def test_shares_of_nothing_are_undefined() -> None:
    bootstrap = GroupBootstrap(np.arange(4), resamples=1, seed=0)
    nobody = np.zeros(4, dtype=bool)
    assert share(bootstrap, nobody, nobody) == UNDEFINED == paired_change(bootstrap, nobody, nobody, nobody)
    assert shares(bootstrap, np.zeros((4, 2), dtype=bool), nobody) == [UNDEFINED] * 2
    assert overlaps_of_sets(bootstrap, nobody[:, None], nobody[:, None])[0] == [UNDEFINED]


@pytest.mark.parametrize("overlap", [0.3, 0.917, 1.0])
def test_intervals_of_overlaps_cover(overlap: float) -> None:
    """24 errors a deployment, as FP16 and INT8 have: what resamples hold in 87 % of the studies."""
    rng = np.random.default_rng(1)
    held, repeats = 0, 600
    for _ in range(repeats):
        either = rng.random(600) < 0.042
        both = either & (rng.random(600) < overlap)
        if not either.any():
            continue
        bootstrap = GroupBootstrap(np.arange(600), resamples=1, seed=0)
        low, _, high = complete(overlaps_of_sets(bootstrap, both[:, None], either[:, None])[0][0])
        held += low <= overlap <= high
    assert held / repeats >= 0.93
