import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from benchmarks.statistics.agreement import jaccard, kappa
from benchmarks.statistics.bootstrap import UNDEFINED, GroupBootstrap
from benchmarks.statistics.tetrachoric import both_above, tetrachoric
from tests.benchmarks.figures import complete


def study(rng, n, correlation, first, second):
    """Two sets of shares ``first`` and ``second`` of n examples, by what stands behind them."""
    one, other = rng.standard_normal((2, n))
    other = correlation * one + np.sqrt(1 - correlation**2) * other
    return one < ndtri(first), other < ndtri(second)


def of(first, second, groups=None, within=None):
    bootstrap = GroupBootstrap(np.arange(len(first)) if groups is None else groups, resamples=1, seed=0)
    everything = np.ones(len(first), dtype=bool)
    [found] = tetrachoric(bootstrap, first[:, None], second[:, None], everything if within is None else within)
    return found


def test_the_normal_behind_it_is_that_of_scipy():
    rng = np.random.default_rng(0)
    for h, k, rho in [*zip(*rng.normal(0, 1.5, (2, 50)), rng.uniform(-0.999, 0.999, 50), strict=True), (0, 0, 0.5)]:
        expected = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([-h, -k])
        assert both_above(np.array([h]), np.array([k]), np.array([rho]))[0] == pytest.approx(expected, abs=1e-9)


def test_it_does_not_move_with_the_error_rate_where_overlap_and_kappa_do():
    rng = np.random.default_rng(1)
    latent, overlaps, kappas = [], [], []
    for rate in (0.04, 0.12, 0.25, 0.52):
        first, second = study(rng, 100_000, 0.6, rate, 0.8 * rate)
        counts = (first & second).sum(), first.sum(), second.sum()
        latent.append(of(first, second).value)
        overlaps.append(float(jaccard(*counts)))
        kappas.append(float(kappa(*counts, len(first))))
    assert latent == pytest.approx([0.6] * 4, abs=0.03)
    assert np.ptp(overlaps) > 0.2 and np.ptp(kappas) > 0.1


@pytest.mark.parametrize(("correlation", "rate", "size"), [(0.5, 0.05, 1), (0.9, 0.2, 1), (0.99, 0.05, 5)])
def test_intervals_hold_the_truth(correlation, rate, size):
    rng = np.random.default_rng(0)
    drawn = [study(rng, 800, correlation, rate, rate) for _ in range(200)]
    first, second = (np.repeat(np.stack(sets, axis=1), size, axis=0) for sets in zip(*drawn, strict=True))
    bootstrap = GroupBootstrap(np.repeat(np.arange(800), size), resamples=1, seed=0)
    found = [complete(one) for one in tetrachoric(bootstrap, first, second, np.ones(800 * size, dtype=bool))]
    held = np.mean([low <= correlation <= high for low, _, high in found])
    assert held >= 0.95 - 2 * 0.0154


def test_a_set_inside_the_other_is_as_alike_as_can_be():
    nested = of(np.arange(600) < 24, np.arange(600) < 22)
    equal = of(np.arange(600) < 24, np.arange(600) < 24)
    assert nested.value == nested.high == equal.value == equal.high == 1
    assert 0.9 < nested.low <= equal.low < 1
    apart = of(np.arange(100) < 20, np.arange(100) >= 80)
    assert apart.value == apart.low == -1 and -1 < apart.high < 0


def test_symmetric_and_within():
    rng = np.random.default_rng(3)
    first, second = study(rng, 500, 0.7, 0.3, 0.1)
    within = rng.random(500) < 0.5
    assert complete(of(first, second)) == pytest.approx(complete(of(second, first)), abs=1e-4)
    assert of(first, second, within=within) == of(first[within], second[within])


@pytest.mark.parametrize("members", [np.zeros(50, dtype=bool), np.ones(50, dtype=bool)])
def test_undefined_where_a_threshold_is_unknown(members):
    assert of(members, np.arange(50) < 10) == UNDEFINED
    assert of(np.arange(50) < 10, members) == UNDEFINED
