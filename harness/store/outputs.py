"""Outputs on disk, read back as arrays."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.arrow import pa, pq

FILE = "outputs.parquet"
LOGITS = {True: ("start_logits", "end_logits"), False: ("logits",)}
"""The columns that hold logits, for question answering (True) and text classification."""


def read_outputs(folder: Path, *columns: str) -> pa.Table:
    return pq.read_table(folder / FILE, columns=list(columns) or None)


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


def logits(table: pa.Table) -> list[NDArray[np.float64]]:
    """Logits by example: (1, classes), or (2, tokens) for where an answer starts and where it ends.

    The tokens are those of all windows of the context, end to end.
    """
    if "logits" in table.column_names:
        return [row[None] for row in matrix(table, "logits").astype(np.float64)]
    return [
        np.stack([start, end]).astype(np.float64)
        for start, end in zip(joined(table, "start_logits"), joined(table, "end_logits"), strict=True)
    ]
