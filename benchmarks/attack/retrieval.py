"""The attack on retrieval: words of a query are changed until no relevant document is among the first that it finds.

The documents stay as they are. The search is that of text classification, between *wrong* and *right* (`margin`): a
query is right where a relevant document is among its first k, as an error in retrieval is defined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.probabilities import wrong_and_right
from benchmarks.statistics.search import TIE, TOP

MARGINS = 10.0
"""To a cosine of 1: as far as those of logits go."""
_NUMBERS_AT_ONCE = 1 << 24


def missed_and_found(
    queries: NDArray[np.float32], documents: NDArray[np.float32], relevant: Sequence[Sequence[int]], k: int = TOP
) -> NDArray[np.float64]:
    """(n, 2): how far each query is from a relevant document among its first ``k``, and how near; adding to 1.

    The margin is between the product of the query (n, d) and its best relevant document, and that of the query and the
    k-th best of the others (m, d), in shares of what embeddings of their lengths can have. Ranks are those of
    `benchmarks.statistics.search.search`.

    Args:
        relevant: of each query, the numbers of its relevant documents; none is never found.
    """
    ahead, right = np.zeros(len(queries)), np.zeros(len(queries), np.bool_)
    lengths = np.linalg.norm(queries, axis=1) * np.linalg.norm(documents, axis=1).mean()
    step = max(1, _NUMBERS_AT_ONCE // len(documents))
    for start in range(0, len(queries), step):
        products = np.round(queries[start : start + step] @ documents.T, TIE)
        for number, scores in enumerate(products, start):
            ahead[number], right[number] = _ahead(scores, relevant[number], k)
    return wrong_and_right(MARGINS * ahead / np.maximum(lengths, np.finfo(np.float32).tiny), right)


def _ahead(scores: NDArray[np.float32], relevant: Sequence[int], k: int) -> tuple[float, bool]:
    """By how much the one that is among the first k is ahead of the other, and whether that is the relevant one."""
    if not relevant:
        return np.inf, False
    others = np.delete(scores, relevant)
    if len(others) < k:
        return np.inf, True
    best = max(relevant, key=lambda document: (scores[document], -document))
    behind = np.delete(np.arange(len(scores)), relevant) > best
    before = (others > scores[best]) | ((others == scores[best]) & ~behind)
    return abs(float(scores[best]) - float(np.partition(others, -k)[-k])), bool(before.sum() < k)
