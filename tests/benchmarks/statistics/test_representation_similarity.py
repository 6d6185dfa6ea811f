"""Linear CKA and Procrustes against their definitions."""

from itertools import combinations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from benchmarks.statistics.representation_similarity import align


def cloud(n, d, seed):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def test_cka_is_its_definition():
    rows = [cloud(70, 9, 0), cloud(70, 5, 1), cloud(70, 9, 0) + cloud(70, 9, 3)]
    found = align(rows, seed=0).cka
    for a, b in combinations(range(3), 2):
        x, y = (table.astype(float) - table.astype(float).mean(axis=0) for table in (rows[a], rows[b]))
        expected = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
        assert found[a, b] == pytest.approx(expected)
        grams = [table @ table.T for table in (x, y)]  # the definition by kernels
        by_kernels = (grams[0] * grams[1]).sum() / np.prod([np.linalg.norm(gram) for gram in grams])
        assert found[a, b] == pytest.approx(by_kernels)
    np.testing.assert_allclose(np.diag(found), 1)


def test_expected_cka_is_the_mean_over_permutations():
    one, other = cloud(25, 6, 0), cloud(25, 8, 1)
    rng = np.random.default_rng(2)
    shuffled = [align([one, other[rng.permutation(25)]], seed=0).cka[0, 1] for _ in range(1500)]
    assert align([one, other], seed=0).expected_cka[0, 1] == pytest.approx(np.mean(shuffled), rel=0.02)


def test_procrustes_is_what_the_best_rotation_leaves():
    x, y = cloud(60, 7, 0).astype(float), (cloud(60, 7, 0) + 0.5 * cloud(60, 7, 1)).astype(float)
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
    assert found.cka[0, 1] == pytest.approx(found.expected_cka[0, 1], rel=0.2)


def test_equal_rows_have_no_geometry():
    found = align([np.ones((20, 3)), cloud(20, 3, 0)], seed=0)
    assert np.isnan(found.cka[0, 1]) and np.isnan(found.procrustes[0, 1])
