"""Outputs of a deployment on disk: a row an example, see `harness.tasks.task.Task.table`."""

from __future__ import annotations

from pathlib import Path

from harness.data.arrow import pa, pq

FILE = "outputs.parquet"


def read_outputs(folder: Path, *columns: str) -> pa.Table:
    return read_columns(folder / FILE, *columns)


def read_columns(path: Path, *columns: str) -> pa.Table:
    """Some columns of a file of outputs, or all."""
    return pq.read_table(path, columns=list(columns) or None)
