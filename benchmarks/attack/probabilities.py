"""Probabilities that a deployment gives for texts, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError

Predict = Callable[[Sequence[str]], NDArray[np.float64]]
"""Texts to class probabilities, (texts, labels)."""


def checked_probabilities(predict: Predict, texts: Sequence[str]) -> NDArray[np.float64]:
    """(texts, labels) probabilities, each row summing to 1 in float64.

    Raises `BenchmarkError` when ``predict`` gives another shape, or rows that are no distribution.
    """
    given = np.asarray(predict(texts), dtype=np.float64)
    if given.ndim != 2 or given.shape[0] != len(texts) or given.shape[1] < 2:
        raise BenchmarkError(
            f"predict gave an array of shape {given.shape} for {len(texts)} texts; "
            "give one row of at least two class probabilities a text"
        )
    sums = given.sum(axis=1, keepdims=True)
    if not (np.isfinite(given).all() and (given >= 0).all() and (np.abs(sums - 1) < 1e-2).all()):
        raise BenchmarkError(
            "predict gave rows that are no probabilities (negative, not finite, or not summing to 1); "
            "apply softmax to the logits in float64"
        )
    probabilities: NDArray[np.float64] = given / sums
    return probabilities
