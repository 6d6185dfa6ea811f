"""Detection where length cannot help."""

import numpy as np
import pytest

from benchmarks.statistics.bootstrap import GroupBootstrap, estimates
from benchmarks.statistics.length_matching import LengthBins
from tests.benchmarks.figures import complete


def auroc(bins, inside, outside, resamples=50):
    sides = [GroupBootstrap(np.arange(len(inside)), resamples=resamples, seed=side) for side in (0, 1)]
    return bins.auroc(inside, outside, *sides)


def test_a_score_that_is_the_length_tells_nothing_within_bins():
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(100, 20, 2000), rng.normal(140, 20, 2000)
    bins = LengthBins(inside, outside)
    [by_length] = estimates(auroc(bins, -inside, -outside)[:, None])
    assert by_length.value == pytest.approx(0.5, abs=0.06)  # unmatched: 0.92
    shift = rng.normal(0, 1, 4000)
    [by_content] = estimates(auroc(bins, shift[:2000] + 1, shift[2000:])[:, None])
    low, value, high = complete(by_content)
    assert value == pytest.approx(0.76, abs=0.03)
    assert low < value < high


def test_by_hand():
    """Two bins: in one the inside point wins, in the other it loses one of two."""
    inside, outside = np.array([10.0] * 20 + [90.0] * 20), np.array([10.0] * 20 + [90.0] * 20)
    home_scores = np.array([2.0] * 20 + [1.0] * 20)
    away_scores = np.array([1.0] * 20 + [0.0] * 10 + [5.0] * 10)
    assert auroc(LengthBins(inside, outside), home_scores, away_scores, 2)[0] == pytest.approx(0.75)


def test_lengths_that_do_not_meet():
    bins = LengthBins(np.arange(100.0), np.arange(500.0, 600.0))
    assert auroc(bins, np.zeros(100), np.zeros(100), 2) is None
    assert (bins.match.in_distribution, bins.match.out_of_distribution) == (0, 0) or bins.match.in_distribution < 20
