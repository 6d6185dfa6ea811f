"""Examples on disk: what a data set was after reading, checking and sampling, as one Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import get_args

from harness.data.arrow import pa, pq
from harness.examples.records import Example, TextExample

FILE = "examples.parquet"

_KINDS: dict[frozenset[str], Callable[..., Example]] = {
    frozenset(field.name for field in fields(kind)): kind for kind in get_args(Example)
}
"""By their columns."""


def write_examples(folder: Path, examples: Sequence[Example]) -> None:
    pq.write_table(pa.Table.from_pylist([asdict(example) for example in examples]), folder / FILE)


def count_examples(folder: Path) -> int:
    """How many there are, from the file's metadata alone."""
    return int(pq.ParquetFile(folder / FILE).metadata.num_rows)


def read_ids(folder: Path) -> set[str]:
    """The examples' ids alone."""
    (ids,) = pq.read_table(folder / FILE, columns=["id"]).columns
    return set(ids.to_pylist())


def any_unanswerable(folder: Path) -> bool:
    """Whether there are questions, and one of them has no answer."""
    (answers,) = pq.read_table(folder / FILE, columns=["answers"]).columns
    return any(not given for given in answers.to_pylist())


def read_examples(folder: Path) -> list[Example]:
    return read_examples_of(folder / FILE)


def read_examples_of(file: Path) -> list[Example]:
    rows = pq.read_table(file).to_pylist()
    kind: Callable[..., Example] = _KINDS[frozenset(rows[0])] if rows else TextExample
    return [
        kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})
        for row in rows
    ]
