"""Two classes of an attack where a deployment gives none: that what it says is *wrong*, and that it is *right*.

A search lowers the class *right* until it is below one half. Both come of a margin: by how much what is right is ahead
of the best of what is wrong, as Carlini and Wagner (2017, "Towards Evaluating the Robustness of Neural Networks",
section V.A, f6) have it of logits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

WRONG, RIGHT = 0, 1
"""The classes, as labels of the search."""

SMALLEST = 1e-3
"""Of a margin: an answer that only ties with a wrong one is still the one that was given."""

LARGEST = 100.0
"""Where nothing stands against it."""


def wrong_and_right(ahead: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """(n, 2): how wrong and how right each is, adding to 1; *right* is above 1/2 exactly where ``right`` (n,) says so.

    ``ahead`` (n,): by how much what was said is ahead of the best of the other kind; below `SMALLEST` it is that. With
    the margin m, below 0 where it is wrong, *right* is (1 + m / (1 + |m|)) / 2: it orders texts as a logistic would,
    which is 1 to six decimals from a margin of 14 on.
    """
    margins = np.clip(np.asarray(ahead, np.float64), SMALLEST, LARGEST) * np.where(right, 1, -1)
    share = (1 + margins / (1 + np.abs(margins))) / 2
    return np.stack([1 - share, share], axis=1)
