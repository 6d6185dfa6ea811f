"""Neighbours against brute force, with duplicates and ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.nearest_neighbours import Neighbours, distance_to_kth, unit_vectors


def nearest(units, k, left_out=None):
    return Neighbours(units, k).nearest(k, left_out=left_out)


def brute_force(units, k, group=None):
    """Sort everything: by cosine to 7 decimals, then by index."""
    n = len(units)
    cosines = np.round(units.astype(np.float64) @ units.T.astype(np.float64), 7)
    group = np.arange(n) if group is None else group
    result = np.full((n, k), -1)
    for row in range(n):
        others = [other for other in range(n) if group[other] != group[row]]
        ordered = sorted(others, key=lambda other: (-cosines[row, other], other))
        if len(ordered) >= k:
            result[row] = ordered[:k]
    return result


@pytest.mark.parametrize("k", [1, 5, 50])
@pytest.mark.parametrize("grouped", [False, True])
def test_nearest_is_exact(k, grouped):
    rng = np.random.default_rng(k)
    units = unit_vectors(rng.standard_normal((300, 24)), name="m")
    group = rng.integers(0, 100, 300) if grouped else None
    found, enough = nearest(units, k, left_out=group)
    assert enough.all()
    np.testing.assert_array_equal(found, brute_force(units, k, group))


def test_many_equal_rows_are_ordered_by_index():
    """More ties than candidates are fetched at first: the second look must find the lowest indices."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((400, 16))
    rows[rng.permutation(400)[:250]] = rows[0]
    units = unit_vectors(rows, name="m")
    found, _ = nearest(units, 5)
    np.testing.assert_array_equal(found, brute_force(units, 5))


def test_a_row_is_left_out_by_index_and_its_duplicate_is_not():
    rows = np.eye(6, dtype=np.float32)
    rows[4] = rows[1]
    found, _ = nearest(rows, 1)
    assert found[1] == [4]
    assert found[4] == [1]
    assert (found[:, 0] != np.arange(6)).all()


def test_cosines_that_float32_cannot_tell_apart_are_ties():
    """The later row is nearer by 6e-8, the resolution of float32 here: noise, so the index decides."""
    near, nearer = np.float32(0.59999996), np.float32(0.60000002)
    assert near < nearer
    units = np.array([[1, 0], [near, 0.8], [nearer, 0.8]], dtype=np.float32)
    assert nearest(units, 1)[0][0] == [1]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 4), st.integers(0, 1000))
def test_nearest_of_coarse_points(n, k, groups, seed):
    """Points on a grid: many duplicates, zero vectors, and rows without enough neighbours."""
    rng = np.random.default_rng(seed)
    units = unit_vectors(rng.integers(-1, 2, (n, 3)), name="m")
    for group in (None, rng.integers(0, groups, n)):
        found, enough = nearest(units, k, left_out=group)
        np.testing.assert_array_equal(found, brute_force(units, k, group))
        np.testing.assert_array_equal(enough, (found >= 0).all(axis=1))


def test_order_of_examples_does_not_matter_without_ties():
    rng = np.random.default_rng(5)
    units = unit_vectors(rng.standard_normal((120, 10)), name="m")
    order = rng.permutation(120)
    found, _ = nearest(units, 7)
    shuffled, _ = nearest(units[order], 7)
    np.testing.assert_array_equal(np.sort(order[shuffled], axis=1), np.sort(found[order], axis=1))


@pytest.mark.parametrize("k", [1, 7, 40])
def test_distance_to_kth(k):
    rng = np.random.default_rng(k)
    queries = unit_vectors(rng.standard_normal((50, 12)), name="m")
    bank = unit_vectors(rng.standard_normal((40, 12)), name="m")
    gaps = np.linalg.norm(queries[:, None].astype(float) - bank[None].astype(float), axis=2)
    np.testing.assert_allclose(distance_to_kth(queries, bank, k), np.sort(gaps, axis=1)[:, k - 1], atol=1e-6)


def test_small_distances_keep_their_digits():
    """Float32 expansion of |q - b|^2 would round this distance to noise."""
    bank = unit_vectors([[1.0, 0.0], [0.0, 1.0]], name="m")
    queries = unit_vectors([[1.0, 1e-5]] * 30, name="m")
    np.testing.assert_allclose(distance_to_kth(queries, bank, 1), 1e-5, rtol=1e-3)


def test_unit_vectors():
    units = unit_vectors([[3.0, 4.0], [0.0, 0.0], [1e-3, 0.0]], name="m")
    np.testing.assert_allclose(units, [[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]], rtol=1e-6)
    assert units.dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "says"),
    [([[np.nan, 1.0]], "NaN"), ([[np.inf, 1.0]], "NaN"), ([1.0], "shape"), (np.ones((0, 3)), "shape")],
)
def test_bad_representations(rows, says):
    with pytest.raises(BenchmarkError, match=says) as error:
        unit_vectors(rows, name="tiny/onnx-fp16@onnxruntime-cpu")
    assert "tiny/onnx-fp16@onnxruntime-cpu" in str(error.value)


def test_bank_smaller_than_k():
    units = unit_vectors(np.eye(3), name="m")
    with pytest.raises(BenchmarkError, match="k = 4 neighbours in a bank of 3"):
        distance_to_kth(units, units, 4)
