"""Examples affected by a change of deployment: slices of them, and single ones to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.characteristics.exemplars import Exemplars
from benchmarks.characteristics.slices import Slices


@dataclass(frozen=True)
class Changed:
    """Ids of the examples whose prediction is not the reference's."""

    newly_wrong: list[str]
    """Right in the reference, wrong here."""
    newly_right: list[str]
    """Wrong in the reference, right here."""
    wrong_otherwise: list[str]
    """Wrong both times, with another prediction."""
    right_otherwise: list[str]
    """Right both times, with another prediction: of a query with several relevant documents, for example."""


@dataclass(frozen=True)
class Affected:
    """Who is affected by the change from the reference to another deployment."""

    changed: dict[str, Changed]
    """By deployment, the examples whose prediction changed."""
    slices: Slices
    """Where more predictions change than elsewhere."""
    exemplars: Exemplars
    """Inputs on which the other deployments agree with each other."""


def changed(
    ids: Sequence[str],
    predictions: Mapping[str, ArrayLike],
    correct: Mapping[str, NDArray[np.bool_]],
    reference: str,
) -> dict[str, Changed]:
    """Name the examples behind the counts, for every deployment but the reference.

    `ids`: n. `predictions`, `correct`: for each deployment, (n,).
    """
    names = np.asarray(ids)
    before, right = np.asarray(predictions[reference]), np.asarray(correct[reference], dtype=np.bool_)
    changes = {}
    for name, said in predictions.items():
        if name == reference:
            continue
        differs, now = np.asarray(said) != before, np.asarray(correct[name], dtype=np.bool_)
        changes[name] = Changed(
            newly_wrong=names[right & ~now].tolist(),
            newly_right=names[~right & now].tolist(),
            wrong_otherwise=names[differs & ~right & ~now].tolist(),
            right_otherwise=names[differs & right & now].tolist(),
        )
    return changes
