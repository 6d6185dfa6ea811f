"""Linear CKA and Procrustes against their definitions."""

from itertools import combinations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from benchmarks.statistics.representation_similarity import align


def cloud(n, d, seed):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def unbiased_hsic(one, other):
    """As Song et al. (2012) write it, by n x n kernels."""
    n = len(one)
    k, m = (np.asarray(rows, dtype=float) @ np.asarray(rows, dtype=float).T for rows in (one, other))
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    ones = np.ones(n)
    middle = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return (np.trace(k @ m) + middle - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3))


def test_cka_is_its_definition():
    rows = [cloud(70, 9, 0), cloud(70, 5, 1), cloud(70, 9, 0) + cloud(70, 99, 3)[:, 90:] + 2, cloud(70, 99, 3)]
    found = align(rows, seed=0).cka
    for a, b in combinations(range(4), 2):
        x, y = rows[a], rows[b]
        expected = unbiased_hsic(x, y) / np.sqrt(unbiased_hsic(x, x) * unbiased_hsic(y, y))
        assert found[a, b] == pytest.approx(expected)
    np.testing.assert_allclose(np.diag(found), 1)
    assert np.isnan(align([row[:3] for row in rows], seed=0).cka).all()


@pytest.mark.slow
def test_unrelated_representations_of_many_dimensions_have_a_cka_of_nothing():
    one, other = cloud(300, 512, 0), cloud(300, 512, 1)
    x, y = (table - table.mean(axis=0) for table in (one, other))
    biased = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert biased > 0.6
    assert align([one, other], seed=0).cka[0, 1] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("n", [60, 5])
def test_procrustes_is_what_the_best_rotation_leaves(n):
    x, y = cloud(n, 7, 0).astype(float), (cloud(n, 7, 0) + 0.5 * cloud(n, 7, 1)).astype(float)
    x, y = (table - table.mean(axis=0) for table in (x, y))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    rotation, _ = orthogonal_procrustes(x, y)
    left = np.square(x @ rotation - y).sum()
    assert align([x, y], seed=0).procrustes[0, 1] == pytest.approx(1 - left / 2)


def test_rotation_scale_and_shift_are_not_seen():
    x = cloud(80, 6, 0)
    turn, _ = np.linalg.qr(cloud(6, 6, 1))
    found = align([x, 7 * x @ turn + 3], seed=0)
    assert found.cka[0, 1] == pytest.approx(1) == found.procrustes[0, 1]


def test_unrelated_representations_are_at_chance():
    found = align([cloud(400, 32, 0), cloud(400, 24, 1)], seed=0)
    assert found.procrustes[0, 1] == pytest.approx(found.expected_procrustes[0, 1], rel=0.1)
    assert found.cka[0, 1] == pytest.approx(0, abs=0.02)


def test_equal_rows_have_no_geometry():
    found = align([np.ones((20, 3)), cloud(20, 3, 0)], seed=0)
    assert np.isnan(found.cka[0, 1]) and np.isnan(found.procrustes[0, 1])
