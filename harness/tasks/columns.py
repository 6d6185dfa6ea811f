"""Ragged NumPy arrays as Arrow columns, without a Python object a value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.arrow import pa


def _offsets(lengths: Sequence[int] | NDArray[np.int64]) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), pa.int32())


def _values(rows: Sequence[NDArray[np.float32]]) -> pa.Array:
    flat = np.concatenate([np.asarray(row, np.float32) for row in rows]) if rows else np.empty(0, np.float32)
    return pa.array(flat, pa.float32())


def float_lists(rows: Sequence[NDArray[np.float32]]) -> pa.Array:
    """One ``list<float32>`` value a row, of that row's own length."""
    return pa.ListArray.from_arrays(_offsets([len(row) for row in rows]), _values(rows))


def nested_float_lists(rows: Sequence[NDArray[np.float32]], counts: NDArray[np.int64]) -> pa.Array:
    """One ``list<list<float32>>`` value an example: its ``counts`` next rows."""
    return pa.ListArray.from_arrays(_offsets(counts), float_lists(rows))
