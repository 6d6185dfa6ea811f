"""Who is affected by a change of deployment: slices of the examples, and single ones to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.characteristics.exemplars import Exemplars
from benchmarks.characteristics.slices import Slices


@dataclass(frozen=True)
class Changed:
    """Ids of the examples whose prediction is not the reference's: right no longer, now right, wrong both times."""

    newly_wrong: list[str]
    newly_right: list[str]
    wrong_otherwise: list[str]


@dataclass(frozen=True)
class Affected:
    """`changed`: by deployment. `slices`: where more predictions change than elsewhere. `exemplars`: where the others
    agree with each other."""

    changed: dict[str, Changed]
    slices: Slices
    exemplars: Exemplars


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
    found = {}
    for name, said in predictions.items():
        if name == reference:
            continue
        differs, now = np.asarray(said) != before, np.asarray(correct[name], dtype=np.bool_)
        found[name] = Changed(
            newly_wrong=names[right & ~now].tolist(),
            newly_right=names[~right & now].tolist(),
            wrong_otherwise=names[differs & ~right & ~now].tolist(),
        )
    return found
