"""MLPerf's early stopping: what so many queries, and no more, say about a percentile at 99 % confidence.

The rule of LoadGen (`early_stopping.cc`, `results.cc`; mlcommons/inference). If a percentile p were above a limit,
each query would lie over the limit with a probability of more than 1 - p. With t of n queries over it, that is ruled
out at confidence c where P[Binomial(n, 1 - p) <= t] <= 1 - c.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.99
P90_QUERIES, P99_QUERIES = 64, 662
"""The fewest that give a bound: `queries_needed`."""


def overlatencies_allowed(queries: int, percentile: float) -> int | None:
    """How many of ``queries`` may lie over a limit for the percentile to be below it; None: too few queries.

    ``percentile`` is a share, such as 0.99.
    """
    from scipy.special import bdtr  # not scipy.stats, which takes a second to import

    chances = bdtr(np.arange(queries + 1), queries, 1 - percentile)
    allowed = int(np.searchsorted(chances, 1 - CONFIDENCE, side="right")) - 1
    return allowed if allowed >= 0 else None


def upper_bound(nanoseconds: NDArray[np.int64], percentile: float) -> int | None:
    """What the percentile lies below at 99 % confidence: LoadGen's early-stopping estimate. None: too few queries.

    With t queries allowed above, that is the t-th highest. LoadGen does not take the maximum (t = 0) for a bound:
    it asks for `P90_QUERIES` or `P99_QUERIES`.
    """
    allowed = overlatencies_allowed(len(nanoseconds), percentile)
    if not allowed:
        return None
    return int(np.sort(nanoseconds)[len(nanoseconds) - allowed])


def queries_needed(percentile: float) -> int:
    """The fewest queries that give a bound."""
    queries = 1
    while not overlatencies_allowed(queries, percentile):
        queries += 1
    return queries
