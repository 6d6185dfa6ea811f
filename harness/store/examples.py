"""Examples on disk: what a data set was after reading, checking and sampling, as one Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from harness.arrow import pa, pq
from harness.examples import Example, QuestionExample, TextExample

FILE = "examples.parquet"


def write_examples(folder: Path, examples: Sequence[Example]) -> None:
    pq.write_table(pa.Table.from_pylist([asdict(example) for example in examples]), folder / FILE)


def count_examples(folder: Path) -> int:
    """How many there are, from the file's metadata alone."""
    return int(pq.ParquetFile(folder / FILE).metadata.num_rows)


def any_unanswerable(folder: Path) -> bool:
    """Whether there are questions, and one of them has no answer."""
    (answers,) = pq.read_table(folder / FILE, columns=["answers"]).columns
    return any(not given for given in answers.to_pylist())


def read_examples(folder: Path) -> list[Example]:
    return read_examples_of(folder / FILE)


def read_examples_of(file: Path) -> list[Example]:
    rows = pq.read_table(file).to_pylist()
    if rows and "question" in rows[0]:
        return [
            QuestionExample(**{**row, "answers": tuple(row["answers"]), "answer_starts": tuple(row["answer_starts"])})
            for row in rows
        ]
    return [TextExample(**row) for row in rows]
