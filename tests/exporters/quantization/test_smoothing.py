"""SmoothQuant's division and its inverse, on a product worked out by hand."""

from __future__ import annotations

import numpy as np

from exporters.quantization.calibration import ChannelRanges
from exporters.quantization.smoothing import divisors


def test_outliers_move_to_the_weights():
    ranges = ChannelRanges(np.array([-16, -1, -0.25], np.float32), np.array([4, 1, 0.5], np.float32))
    weight = np.array([[1, -1], [0.25, 1], [0.5, 0]], np.float32)
    found = divisors(ranges, [weight])
    by_hand = np.sqrt([16 / 1, 1 / 1, 0.5 / 0.5])
    np.testing.assert_allclose(found, by_hand / np.prod(by_hand) ** (1 / 3), rtol=1e-6)
    values = np.array([[-16, 1, 0.5]], np.float32)
    np.testing.assert_allclose((values / found) @ (weight * found[:, None]), values @ weight, rtol=1e-5)


def test_several_products_share_one_division():
    ranges = ChannelRanges(np.array([-1, -1], np.float32), np.array([1, 1], np.float32))
    first, second = np.array([[4.0], [1.0]], np.float32), np.array([[1.0], [1.0]], np.float32)
    found = divisors(ranges, [first, second])
    np.testing.assert_allclose(found[1] / found[0], 2, rtol=1e-6)


def test_a_channel_of_zeros_divides_nothing_by_zero():
    ranges = ChannelRanges(np.zeros(2, np.float32), np.array([0, 1], np.float32))
    found = divisors(ranges, [np.zeros((2, 3), np.float32)])
    assert np.isfinite(found).all() and (found > 0).all()
