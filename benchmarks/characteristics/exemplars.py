"""Exemplars, to look at: inputs on which the deployments agree with each other, and not with the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.bootstrap import Floats, number

Label = str | int


@dataclass(frozen=True)
class Exemplar:
    """An input on which other deployments share a prediction that is not the reference's."""

    id: Label
    """Of the input."""
    reference_prediction: Label
    """What the reference says: a class, or an answer ("" is no answer)."""
    shared_prediction: Label
    """What the others say."""
    shared_by: list[str]
    """The deployments that say it."""
    reference_right: bool
    """Whether the reference is right."""
    shared_right: bool
    """Whether the others are."""
    confidence: float | None
    """Mean over the deployments that share the prediction, 0 to 1; None where none was given."""


@dataclass(frozen=True)
class Exemplars:
    """Inputs on which the other deployments agree with each other against the reference."""

    n: int
    """Inputs in all."""
    others: int
    """Deployments beside the reference."""
    shared: int
    """Inputs on which at least two of the others share one answer against the reference."""
    majority: int
    """Inputs on which more than half of the others do."""
    exemplars: list[Exemplar]
    """Those that most share, first."""


def find(
    predictions: Mapping[str, ArrayLike],
    correct: Mapping[str, NDArray[np.bool_]],
    reference: str,
    ids: Sequence[Label],
    at_most: int = 10,
    confidence: Mapping[str, NDArray[np.floating]] | None = None,
) -> Exemplars:
    """Rank inputs by how many of the other deployments share one prediction that is not the reference's.

    Only inputs on which at least two share one are ranked; `shared` counts them. Ties go to the higher mean
    confidence of those that share it, then to the lower id. Of two predictions shared by as many on one input, the
    one of higher mean confidence is taken, then that of the deployment named first.

    No chance level is given: deployments of one model change together, and inputs that are hard for one are hard for
    all, so that the count of independent changes would say nothing of the compression.

    Args:
        predictions: for each deployment, (n,) strings or integers; "" (no answer) is one like any other.
        correct: for each deployment, (n,) whether it was right.
        reference: the deployment the others are compared with.
        ids: n distinct strings or integers.
        at_most: exemplars returned.
        confidence: for each other deployment, (n,) in its own prediction.

    Raises:
        BenchmarkError: unknown reference, a deployment that is missing, arrays of other shapes or types, ids given
            twice, or deployments with one prediction of which one is right and one wrong.
    """
    require_reference(reference, predictions)
    if at_most < 0:
        raise BenchmarkError(f"at_most = {at_most}: give how many exemplars to return, 0 or more")
    n = len(ids)
    if n == 0 or len(set(ids)) < n:
        raise BenchmarkError(f"ids: {n} entries, {len(set(ids))} distinct; give one to each of at least one example")
    names = [name for name in predictions if name != reference]
    columns = [_predictions(predictions[name], n, name) for name in (reference, *names)]
    if len({column.dtype.kind for column in columns}) > 1:
        raise BenchmarkError("predictions: strings of some deployments and integers of others; give one kind for all")
    right = np.stack([_bools(correct, name, n) for name in (reference, *names)], axis=1)
    certainty = _certainty(confidence, names, n)
    _, codes = np.unique(np.concatenate(columns), return_inverse=True)
    table = codes.reshape(len(columns), n).T
    said, others = table[:, 0], table[:, 1:]
    changed = others != said[:, None]
    if not names:
        return Exemplars(n, 0, 0, 0, [])

    # (n, m, m): does the second say what the first does, and not what the reference does?
    same = (others[:, :, None] == others[:, None, :]) & changed[:, :, None]
    sharing = same.sum(axis=2)
    means = np.einsum("ijk,ik->ij", same, certainty) / np.maximum(sharing, 1)
    # The best deployment of each input stands for the answer; lexsort is stable, so equals go to the first named.
    best = np.array([np.lexsort((-mean, -count))[0] for mean, count in zip(means, sharing, strict=True)])
    rows = np.arange(n)
    count, mean = sharing[rows, best], means[rows, best]
    shared = np.flatnonzero(count >= 2)
    ranked = sorted(shared.tolist(), key=lambda row: (-int(count[row]), -float(mean[row]), ids[row]))

    def exemplar(row: int) -> Exemplar:
        members = np.flatnonzero(same[row, best[row]])
        verdicts = right[row, 1 + members]
        if verdicts.any() != verdicts.all():
            raise BenchmarkError(f"example {ids[row]}: one prediction, right in one deployment and wrong in another")
        return Exemplar(
            id=ids[row],
            reference_prediction=columns[0][row].item(),
            shared_prediction=columns[1 + int(best[row])][row].item(),
            shared_by=[names[member] for member in members],
            reference_right=bool(right[row, 0]),
            shared_right=bool(verdicts[0]),
            confidence=number(mean[row]) if confidence is not None else None,
        )

    return Exemplars(
        n=n,
        others=len(names),
        shared=len(shared),
        majority=int((2 * count > len(names)).sum()),
        exemplars=[exemplar(row) for row in ranked[:at_most]],
    )


def _predictions(values: ArrayLike, n: int, name: str) -> NDArray[np.generic]:
    column = np.asarray(values)
    if column.dtype == object and all(isinstance(value, str) for value in column.ravel()):
        column = column.astype(np.str_)
    if column.shape != (n,) or column.dtype.kind not in "Uiu":
        what = f"{column.dtype} of shape {column.shape}"
        raise BenchmarkError(f"predictions of {name}: {what}, expected ({n},) strings or integers")
    return column.astype(np.int64) if column.dtype.kind == "u" else column


def _bools(correct: Mapping[str, NDArray[np.bool_]], name: str, n: int) -> NDArray[np.bool_]:
    column = np.asarray(correct.get(name, []))
    if column.shape != (n,) or column.dtype != np.bool_:
        raise BenchmarkError(f"correct of {name}: {column.dtype} of shape {column.shape}, expected bool ({n},)")
    return column


def _certainty(confidence: Mapping[str, NDArray[np.floating]] | None, names: list[str], n: int) -> Floats:
    """(n, others); zeros without any."""
    table: Floats = np.zeros((n, len(names)))
    for position, name in enumerate(names if confidence is not None else ()):
        column = np.asarray((confidence or {}).get(name, []), dtype=np.float64)
        if column.shape != (n,) or not np.isfinite(column).all():
            raise BenchmarkError(f"confidence of {name}: shape {column.shape}, expected ({n},) finite numbers")
        table[:, position] = column
    return table
