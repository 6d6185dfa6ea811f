"""Columns of a table of outputs: NumPy arrays, ragged ones too, to Arrow and back."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.arrow import pa


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


def strings(table: pa.Table, column: str) -> NDArray[np.str_]:
    return np.asarray(table.column(column).to_pylist(), dtype=np.str_)


def numbers(table: pa.Table, column: str) -> NDArray[Any]:
    return np.asarray(table.column(column).to_numpy())


def matrix(table: pa.Table, column: str) -> NDArray[np.float32]:
    """A column of lists of one length as (rows, length)."""
    lists = table.column(column).combine_chunks()
    return np.asarray(lists.flatten().to_numpy(), np.float32).reshape(len(lists), -1)


def joined(table: pa.Table, column: str) -> list[NDArray[np.float32]]:
    """A column of lists of lists (windows, tokens) as one array a row, the windows end to end."""
    lists = table.column(column).combine_chunks()
    inner = lists.flatten()
    values = np.asarray(inner.flatten().to_numpy(), np.float32)
    windows = np.asarray(lists.offsets.to_numpy()) - lists.offsets[0].as_py()
    tokens = np.asarray(inner.offsets.to_numpy()) - inner.offsets[0].as_py()
    ends = tokens[windows]
    return [values[start:end] for start, end in itertools.pairwise(ends)]


def logits(table: pa.Table, columns: Iterable[str]) -> list[NDArray[np.float64]]:
    """Logits by example: (1, classes), or (2, tokens) for where an answer starts and where it ends.

    The tokens are those of all windows of the context, end to end.
    """
    column_values = [joined(table, name) if _nested(table, name) else matrix(table, name) for name in columns]
    return [np.stack(rows).astype(np.float64) for rows in zip(*column_values, strict=True)]


def _nested(table: pa.Table, column: str) -> bool:
    return bool(pa.types.is_list(table.schema.field(column).type.value_type))
