"""A query is right exactly where a relevant document is among the first of its ranking; the margin orders the rest."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.attack.probabilities import RIGHT
from benchmarks.attack.retrieval import missed_and_found
from benchmarks.statistics.search import search


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("decimals", [1, 8])
def test_right_is_what_the_ranking_says(k: int, decimals: int) -> None:
    """With one decimal most products tie, and the documents' order decides."""
    generator = np.random.default_rng(k)
    documents = np.round(generator.standard_normal((40, 3)), decimals).astype(np.float32)
    queries = np.round(generator.standard_normal((300, 3)), decimals).astype(np.float32)
    relevant = [generator.choice(40, size=generator.integers(0, 4), replace=False).tolist() for _ in queries]
    found = missed_and_found(queries, documents, relevant, k)
    first = search(queries, documents, k).documents
    wanted = [bool(set(row) & set(own)) for row, own in zip(first.tolist(), relevant, strict=True)]
    assert 0.02 < np.mean(wanted) < 0.95
    assert (found.argmax(axis=1) == RIGHT).tolist() == wanted
    assert (np.round(found, 6).argmax(axis=1) == RIGHT).tolist() == wanted  # as a search sees it
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_the_margin_is_to_the_kth_of_the_others() -> None:
    documents = np.array([[0.9, 0], [0.7, 0], [0.6, 0], [0.5, 0], [0.2, 0]], np.float32)
    query = np.array([[1, 0]], np.float32)
    length = float(np.linalg.norm(documents, axis=1).mean())

    def right(*relevant: int, k: int = 2) -> float:
        return float(missed_and_found(query, documents, [relevant], k)[0, RIGHT])

    def of(margin: float) -> float:
        scaled = 10 * margin / length
        return (1 + scaled / (1 + abs(scaled))) / 2

    assert right(0) == pytest.approx(of(0.9 - 0.6))
    assert right(1) == pytest.approx(of(0.7 - 0.6))
    assert right(3) == pytest.approx(of(0.5 - 0.7))
    assert right(3, 4) == pytest.approx(of(0.5 - 0.7))  # the best of them counts
    assert right(0, 1, 2, 3) == pytest.approx((1 + 100 / 101) / 2)  # nothing can stand in its place
    assert right() == pytest.approx((1 - 100 / 101) / 2)


def test_lengths_of_embeddings_are_no_margin() -> None:
    generator = np.random.default_rng(0)
    documents, queries = (generator.standard_normal((n, 4)).astype(np.float32) for n in (30, 20))
    relevant = [[index] for index in range(20)]
    found = missed_and_found(queries, documents, relevant)
    np.testing.assert_allclose(missed_and_found(20 * queries, 5 * documents, relevant), found, atol=1e-4)
