"""Rankings and their figures, against trec_eval on the same scores, and against definitions."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval

from benchmarks.errors import BenchmarkError
from benchmarks.statistics import search as module
from benchmarks.statistics.search import judge_rankings, rank_biased_overlap, search


@pytest.fixture
def embeddings() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    return (
        generator.standard_normal((40, 8)).astype(np.float32),
        generator.standard_normal((300, 8)).astype(np.float32),
    )


def test_the_nearest_documents_best_first(embeddings, monkeypatch):
    queries, documents = embeddings
    monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", 1000)  # three queries at once
    found = search(queries, documents)
    products = queries @ documents.T
    assert found.documents.tolist() == np.argsort(-products, axis=1, kind="stable")[:, :100].tolist()
    np.testing.assert_allclose(found.scores, -np.sort(-products, axis=1)[:, :100], atol=1e-6)


def test_of_equal_documents_the_first_comes_first():
    documents = np.array([[0.0], [1.0], [1.0], [1.0]], np.float32)
    assert search(np.ones((1, 1), np.float32), documents).documents.tolist() == [[1, 2, 3, 0]]


def test_rounding_decides_nothing():
    """One text in two batches: of its two embeddings the first comes first, whichever is larger by rounding."""
    documents = np.array([[0.5], [0.5 + 6e-8]], np.float32)
    assert search(np.ones((1, 1), np.float32), documents).documents.tolist() == [[0, 1]]


def test_another_width_fits_no_index(embeddings):
    with pytest.raises(BenchmarkError, match="8 dimensions and documents 5"):
        search(embeddings[0], np.ones((3, 5), np.float32))


def test_figures_are_those_of_trec_eval_on_the_same_scores(embeddings):
    queries, documents = embeddings
    generator = np.random.default_rng(4)
    relevant = [
        {f"d{document}": int(generator.integers(1, 5)) for document in generator.choice(300, 12, replace=False)}
        for _ in queries
    ]
    relevant[0]["not in the corpus"] = 4
    ranked = search(queries, documents)
    found = judge_rankings([[f"d{one}" for one in row] for row in ranked.documents], relevant)
    scores = queries @ documents.T
    evaluator = pytrec_eval.RelevanceEvaluator(
        {str(query): grades for query, grades in enumerate(relevant)}, {"ndcg_cut_10", "recall_100", "recip_rank"}
    )
    run = {
        str(query): {f"d{document}": float(scores[query, document]) for document in ranked.documents[query]}
        for query in range(len(queries))
    }
    expected = evaluator.evaluate(run)
    for name, theirs in (("ndcg", "ndcg_cut_10"), ("recall", "recall_100"), ("reciprocal_rank", "recip_rank")):
        wanted = [expected[str(query)][theirs] for query in range(len(queries))]
        np.testing.assert_allclose(getattr(found, name), wanted, atol=1e-6)


def test_a_ranking_without_a_relevant_document_counts_as_0():
    found = judge_rankings([["a", "b"], ["c"]], [{"b": 1}, {"x": 2}])
    assert found.reciprocal_rank.tolist() == [0.5, 0.0]
    assert found.recall.tolist() == [1.0, 0.0]
    np.testing.assert_allclose(found.ndcg, [1 / np.log2(3), 0.0], atol=1e-12)


def test_rank_biased_overlap():
    """Of equal rankings 1, of disjoint ones 0; otherwise the sum of Webber et al., equation 32, term by term."""
    first = np.array([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]])
    second = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [2, 1, 5, 3]])
    agreement = [0 / 1, 2 / 2, 2 / 3, 3 / 4]
    p = 0.9
    by_hand = agreement[-1] * p**4 + (1 - p) / p * sum(a * p ** (k + 1) for k, a in enumerate(agreement))
    np.testing.assert_allclose(rank_biased_overlap(first, second), [1.0, 0.0, by_hand], atol=1e-12)
