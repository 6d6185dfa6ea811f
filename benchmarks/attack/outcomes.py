"""Outcomes of an attack on every text, as the figures are computed from them."""

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
class Outcomes:
    """What became of every text on one deployment: arrays of shape (texts,), and the places changed."""

    right: Bools
    succeeded: Bools
    out_of_budget: Bools
    """The search was stopped by its budget; it might have found something with more."""
    random_succeeded: Bools | None
    any_succeeded: Bools | None
    words: Floats
    queries: Floats
    similarity: Floats
    """NaN where it was not measured."""
    changed: list[frozenset[int]]


def outcomes_of(
    name: str,
    results: Sequence[AttackResult],
    random_swaps: Sequence[AttackResult] | None,
    matrix: Mapping[str, Mapping[str, Replayed]],
) -> Outcomes:
    right = np.array([result.status != "skipped" for result in results], dtype=np.bool_)
    succeeded = succeeded_in(results)
    at_random = None if random_swaps is None else succeeded_in(random_swaps)
    elsewhere = [row[name].turned for source, row in matrix.items() if source != name and name in row]
    others = [*elsewhere, *([] if at_random is None else [at_random])]
    return Outcomes(
        right=right,
        succeeded=succeeded,
        out_of_budget=np.array([result.status == "budget" for result in results], dtype=np.bool_),
        random_succeeded=at_random,
        any_succeeded=right & np.logical_or.reduce([succeeded, *others]) if others else None,
        words=np.array([result.words_changed / max(1, result.words) for result in results]),
        queries=np.array([float(result.queries) for result in results]),
        similarity=np.array([np.nan if result.similarity is None else result.similarity for result in results]),
        changed=[frozenset(changed_places(result.original, result.adversarial)) for result in results],
    )


def succeeded_in(results: Sequence[AttackResult]) -> Bools:
    return np.array([result.status == "succeeded" for result in results], dtype=np.bool_)
