"""Probabilities of classes: from columns of a table, or from an array that NumPy wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.data.checks import bad_data, short
from harness.external_outputs.json_text import parse
from harness.external_outputs.read import Probabilities

Kind = Literal["probabilities", "logits"]
KINDS: tuple[Kind, ...] = ("probabilities", "logits")
PREFIXES: dict[str, Kind] = {"prob_": "probabilities", "logit_": "logits"}
"""Of the columns that hold one class each; the rest is the name of the class."""
SUMS_TO_ONE = 1e-3
"""How far off 1 the sum of probabilities may be, that were rounded to three decimals or computed in FP16."""


def kind_of_file(path: Path) -> Kind | None:
    """What the last word of an array's file name says that it holds: "small-logits.npy", "probabilities.npy"."""
    word = path.stem.lower().replace("_", "-").replace(".", "-").rpartition("-")[2]
    return next((kind for kind in KINDS if kind == word), None)


def probabilities_of_table(path: Path, rows: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Probabilities | None:
    """Of rows (id, place, columns): columns `prob_CLASS` or `logit_CLASS`, or one column `probabilities` or `logits`.

    That one holds a list of numbers, for the classes 0, 1, ..., or an object with a number for each class; in CSV as
    JSON. None where there is no such column.

    Raises:
        UserError: several of these, another class in one row than in the others, or what is no probability or logit.
    """
    _, first_place, first = rows[0]
    kinds = {kind for prefix, kind in PREFIXES.items() if any(name.startswith(prefix) for name in first)}
    kinds |= {kind for kind in KINDS if kind in first}
    if not kinds:
        return None
    prefix = next((prefix for prefix in PREFIXES if any(name.startswith(prefix) for name in first)), None)
    if len(kinds) > 1 or (prefix and any(kind in first for kind in KINDS)):
        what = f"has the columns {short(', '.join(first))}: probabilities or logits more than once"
        raise bad_data(path, first_place, what, "keep one of them")
    (kind,) = kinds
    tables = [_row(path, place, columns, kind, prefix) for _, place, columns in rows]
    classes = tuple(tables[0])
    values = []
    for (_, place, _), table in zip(rows, tables, strict=True):
        if table.keys() != tables[0].keys():
            what = f"has {kind} of {short(', '.join(table))}, the first row of {short(', '.join(classes))}"
            raise bad_data(path, place, what, "give every row the same classes")
        values.append([table[name] for name in classes])
    places = [place for _, place, _ in rows]
    return Probabilities(path, tuple(id for id, _, _ in rows), classes, normalised(path, values, kind, classes, places))


def _row(path: Path, place: str, columns: Mapping[str, Any], kind: Kind, prefix: str | None) -> dict[str, float]:
    """The numbers of a row by class."""
    if prefix:
        cells = {name.removeprefix(prefix): value for name, value in columns.items() if name.startswith(prefix)}
    else:
        cell = columns.get(kind)
        tree = parse(path, cell, first_line=int(place.removeprefix("line "))) if isinstance(cell, str) else cell
        if isinstance(tree, list):
            tree = {str(index): value for index, value in enumerate(tree)}
        if not isinstance(tree, dict):
            what = f"is {short(cell)}, neither a list nor an object of numbers"
            raise bad_data(path, f"{place}, column {kind!r}", what, "write a number for every class")
        cells = tree
    return {name: _number(path, f"{place}, {kind} of {short(name)}", value) for name, value in cells.items()}


def _number(path: Path, place: str, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise bad_data(path, place, f"is {short(value)}, not a number", "write a number for every class") from None


def normalised(
    path: Path, values: ArrayLike, kind: Kind, classes: Sequence[str], places: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """(n, classes) probabilities, of which every row sums to 1; ``places`` name the rows.

    Raises:
        UserError: fewer than two classes, a number that is not finite, or rows that are no probabilities.
    """
    from scipy.special import softmax

    table = np.asarray(values, dtype=np.float64)

    def bad(row: int, what: str, way_out: str) -> Exception:
        return bad_data(path, places[row] if places else f"row {row}", what, way_out)

    if len(classes) < 2:
        fault = f"has {kind} of one class alone" if classes else f"has {kind} of no class"
        raise bad(0, fault, "give a column for every class, such as prob_negative and prob_positive")
    broken = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if broken.size:
        raise bad(broken[0], f"holds NaN or infinity among its {kind}", "leave this example out everywhere")
    if kind == "logits":
        return np.asarray(softmax(table, axis=1), dtype=np.float64)
    sums = table.sum(axis=1)
    broken = np.flatnonzero((table < 0).any(axis=1) | (np.abs(sums - 1) > SUMS_TO_ONE))
    if broken.size:
        row = int(broken[0])
        what = f"has probabilities that sum to {sums[row]:.4g}" if table[row].min() >= 0 else "has one below 0"
        raise bad(row, what, "write probabilities that sum to 1 in every row, or name them logits")
    return np.asarray(table / sums[:, None], dtype=np.float64)
