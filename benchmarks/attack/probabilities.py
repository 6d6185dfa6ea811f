"""Probabilities that an attack searches on: those that a deployment gives, or made of a margin where it gives none.

A margin is by how much what is right is ahead of the best of what is wrong, as Carlini and Wagner (2017, "Towards
Evaluating the Robustness of Neural Networks", section V.A, f6) have it of logits. Its two classes are that what a
deployment says is *wrong*, and that it is *right*, which a search lowers until it is below one half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


WRONG, RIGHT = 0, 1
"""The classes of a margin, as labels of the search."""

SMALLEST_MARGIN = 1e-3
"""An answer that only ties with a wrong one is still the one that was given."""

LARGEST_MARGIN = 100.0
"""Where nothing stands against it."""


def wrong_and_right(ahead: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """(n, 2): how wrong and how right each is, adding to 1; *right* is above 1/2 exactly where ``right`` (n,) says so.

    ``ahead`` (n,): by how much what was said is ahead of the best of the other kind, `SMALLEST_MARGIN` at least.
    With the margin m, below 0 where it is wrong, *right* is (1 + m / (1 + |m|)) / 2: it orders texts as a logistic
    would, which is 1 to six decimals from a margin of 14 on.
    """
    margins = np.clip(np.asarray(ahead, np.float64), SMALLEST_MARGIN, LARGEST_MARGIN) * np.where(right, 1, -1)
    share = (1 + margins / (1 + np.abs(margins))) / 2
    return np.stack([1 - share, share], axis=1)
