"""Detection where length cannot help."""

import numpy as np
import pytest

from benchmarks.statistics.bootstrap import GroupBootstrap, estimates
from benchmarks.statistics.length_matching import LengthBins


def both(n, resamples=50):
    return (GroupBootstrap(np.arange(n), resamples=resamples, seed=side) for side in (0, 1))


def test_a_score_that_is_the_length_tells_nothing_within_bins():
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(100, 20, 2000), rng.normal(140, 20, 2000)
    bins = LengthBins(inside, outside)
    home, abroad = both(2000)
    [by_length] = estimates(bins.auroc(-inside, -outside, home, abroad)[:, None])
    assert by_length.value == pytest.approx(0.5, abs=0.06)  # unmatched: 0.92
    shift = rng.normal(0, 1, 4000)
    [by_content] = estimates(bins.auroc(shift[:2000] + 1, shift[2000:], home, abroad)[:, None])
    assert by_content.value == pytest.approx(0.76, abs=0.03)
    assert by_content.low < by_content.value < by_content.high


def test_by_hand():
    """Two bins: in one the inside point wins, in the other it loses one of two."""
    inside, outside = np.array([10.0] * 20 + [90.0] * 20), np.array([10.0] * 20 + [90.0] * 20)
    home_scores = np.array([2.0] * 20 + [1.0] * 20)
    away_scores = np.array([1.0] * 20 + [0.0] * 10 + [5.0] * 10)
    home, abroad = both(40, 2)
    assert LengthBins(inside, outside).auroc(home_scores, away_scores, home, abroad)[0] == pytest.approx(0.75)


def test_lengths_that_do_not_meet():
    bins = LengthBins(np.arange(100.0), np.arange(500.0, 600.0))
    home, abroad = both(100, 2)
    assert bins.auroc(np.zeros(100), np.zeros(100), home, abroad) is None
    assert (bins.match.in_distribution, bins.match.out_of_distribution) == (0, 0) or bins.match.in_distribution < 20
