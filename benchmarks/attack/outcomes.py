"""What became of every text on one deployment, as the figures are computed from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.changed_words import changed_places
from benchmarks.attack.results import AttackResult
from benchmarks.attack.transfer import Replayed
from benchmarks.statistics.bootstrap import Floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Fates:
    """What became of every text on one deployment: arrays of shape (texts,), and the places changed."""

    right: Bools
    fell: Bools
    out_of_budget: Bools
    """The search was stopped by its budget; it might have found something with more."""
    fell_at_random: Bools | None
    fell_to_any: Bools | None
    words: Floats
    queries: Floats
    similarity: Floats
    """NaN where it was not measured."""
    changed: list[frozenset[int]]


def fates_of(
    name: str,
    results: Sequence[AttackResult],
    random_swaps: Sequence[AttackResult] | None,
    matrix: Mapping[str, Mapping[str, Replayed]],
) -> Fates:
    right = np.array([result.status != "skipped" for result in results], dtype=np.bool_)
    fell = fell_in(results)
    at_random = None if random_swaps is None else fell_in(random_swaps)
    elsewhere = [row[name].turned for crafted_on, row in matrix.items() if crafted_on != name and name in row]
    others = [*elsewhere, *([] if at_random is None else [at_random])]
    return Fates(
        right=right,
        fell=fell,
        out_of_budget=np.array([result.status == "budget" for result in results], dtype=np.bool_),
        fell_at_random=at_random,
        fell_to_any=right & np.logical_or.reduce([fell, *others]) if others else None,
        words=np.array([result.words_changed / max(1, result.words) for result in results]),
        queries=np.array([float(result.queries) for result in results]),
        similarity=np.array([np.nan if result.similarity is None else result.similarity for result in results]),
        changed=[frozenset(changed_places(result.original, result.adversarial)) for result in results],
    )


def fell_in(results: Sequence[AttackResult]) -> Bools:
    return np.array([result.status == "succeeded" for result in results], dtype=np.bool_)
