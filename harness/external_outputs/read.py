"""Files from elsewhere: the kinds of outputs in them, and how a file shows which it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PredictedAnswers:
    """PredictedAnswers to the questions of a SQuAD-layout file; "" says that there is none."""

    kind = "answers"
    path: Path
    by_id: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Probabilities:
    """How probable every class is, for every example."""

    kind = "probabilities"
    path: Path
    ids: tuple[str, ...] | None
    """None: in the order of the examples."""
    classes: tuple[str, ...]
    rows: NDArray[np.float64]
    """(n, classes), every row sums to 1."""

    @property
    def most_probable(self) -> list[str]:
        return [self.classes[index] for index in self.rows.argmax(axis=1)]

    def of(self, ids: Sequence[str], classes: Sequence[str]) -> NDArray[np.float64]:
        """(ids, classes) in these orders; the ids and classes are all there."""
        places = {id: row for row, id in enumerate(self.ids or ())}
        rows = self.rows[[places[id] for id in ids]]
        return np.asarray(rows[:, [self.classes.index(name) for name in classes]], dtype=np.float64)


@dataclass(frozen=True)
class PredictedClasses:
    """A class for every text, as a name, and the gold classes where the file has them too."""

    kind = "classes"
    path: Path
    by_id: Mapping[str, str]
    labels: Mapping[str, str] | None
    groups: Mapping[str, str] | None = None
    """The group of every text, where the file has them."""
    probabilities: Probabilities | None = None
    """Of the same ids, where they are known."""


@dataclass(frozen=True)
class ErrorIds:
    """The examples that went wrong, and nothing about what was said instead."""

    kind = "error ids"
    path: Path
    ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Representations:
    """(n, d) float32 and finite, in the order of the examples."""

    kind = "representations"
    path: Path
    rows: NDArray[np.float32]


Judged = PredictedAnswers | PredictedClasses | ErrorIds
"""What can be right or wrong."""

Output = Judged | Representations | Probabilities


def read_output(path: Path) -> Output:
    """Read a file of any kind: the suffix tells which, and for JSON whether it is a list of ids.

    Raises:
        UserError: no such file, empty, not UTF-8, not readable as its kind, or an id twice.
    """
    from harness.data.files import read_text
    from harness.external_outputs.answers import answers_of
    from harness.external_outputs.arrays import read_arrays
    from harness.external_outputs.classes import read_classes
    from harness.external_outputs.ids import ids_of_json, ids_of_lines
    from harness.external_outputs.json_text import parse

    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return read_arrays(path)
    if suffix in (".csv", ".jsonl"):
        return read_classes(path)
    text = read_text(path)
    if suffix == ".json" or text.lstrip().startswith(("{", "[")):
        tree = parse(path, text)
        is_ids = isinstance(tree, list) and not (tree and isinstance(tree[0], dict))
        return ErrorIds(path, ids_of_json(path, tree)) if is_ids else answers_of(path, tree)
    return ErrorIds(path, ids_of_lines(path, text))
