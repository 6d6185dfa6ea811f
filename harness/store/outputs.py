"""Outputs of a deployment on disk: a row an example, see `harness.tasks.task.Task.table`."""

from __future__ import annotations

from pathlib import Path

from harness.arrow import pa, pq

FILE = "outputs.parquet"


def read_outputs(folder: Path, *columns: str) -> pa.Table:
    return pq.read_table(folder / FILE, columns=list(columns) or None)
