"""Indexes of quantized embeddings: ranks are faiss's, ties are the documents' order, and bytes are what is kept."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from benchmarks.statistics.quantized_indexes import INDEXES, RESCORED, BinaryIndex, Float32Index, Int8Index
from benchmarks.statistics.search import search

N, M, D = 40, 700, 44  # no whole number of bytes of signs


@pytest.fixture(scope="module")
def embedded() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(2)
    documents = generator.standard_normal((M, D)).astype(np.float32)
    queries = documents[:N] + 0.7 * generator.standard_normal((N, D)).astype(np.float32)
    return (
        queries / np.linalg.norm(queries, axis=1, keepdims=True),
        documents / np.linalg.norm(documents, axis=1, keepdims=True),
    )


def test_bytes_are_those_that_are_kept(embedded):
    _, documents = embedded
    sizes = {kind: make(documents).bytes_per_vector for kind, make in INDEXES.items()}
    assert sizes == {"int8": D, "binary": 6, "binary-rescored": 6}
    assert Float32Index(documents).bytes_per_vector == 4 * D


def test_int8_ranks_as_faiss_does(embedded):
    queries, documents = embedded
    index = faiss.IndexScalarQuantizer(D, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    index.train(documents)
    index.add(documents)
    scores, ranked = index.search(queries, 20)
    found = Int8Index(documents).rank(queries, 20)
    np.testing.assert_allclose(found.scores, scores, atol=2e-6)
    apart = np.diff(scores, axis=1, append=-9) < -5e-6  # of nearly equal ones the order is nobody's
    apart &= np.diff(scores, axis=1, prepend=9) < -5e-6
    assert apart.mean() > 0.9
    assert (found.documents == ranked)[apart].all()


def test_signs_rank_by_hamming_distance_and_break_ties_by_number(embedded):
    queries, documents = embedded
    index = faiss.IndexBinaryFlat(48)
    index.add(np.packbits(documents > 0, axis=1))
    distances, _ = index.search(np.packbits(queries > 0, axis=1), 50)
    found = BinaryIndex(documents).rank(queries, 50)
    np.testing.assert_array_equal((D - found.scores) / 2, distances)
    for numbers, scores in zip(found.documents, found.scores, strict=True):
        keys = list(zip(-scores, numbers, strict=True))
        assert keys == sorted(keys)


def test_rescoring_orders_the_nearest_signs_by_the_query_itself(embedded):
    queries, documents = embedded
    signs = np.where(documents > 0, 1, -1).astype(np.float32) / np.sqrt(np.float32(D))
    chosen = BinaryIndex(documents).rank(queries, RESCORED * 10).documents
    found = INDEXES["binary-rescored"](documents).rank(queries, 10)
    for query, among, numbers, scores in zip(queries, chosen, found.documents, found.scores, strict=True):
        assert set(numbers.tolist()) <= set(among.tolist())
        np.testing.assert_allclose(scores, signs[numbers] @ query, atol=2e-6)
        np.testing.assert_allclose(scores, np.sort(signs[among] @ query)[::-1][:10], atol=2e-6)
    # All documents chosen, it is an exact search of signs by float queries.
    every = INDEXES["binary-rescored"](documents).rank(queries, M)
    np.testing.assert_allclose(every.scores, search(queries, signs, M).scores, atol=2e-6)


@pytest.mark.parametrize("kind", INDEXES)
def test_one_query_is_searched_as_all_are(embedded, kind):
    """Where scores tie, faiss may choose another: the scores are the same."""
    queries, documents = embedded
    index = INDEXES[kind](documents)
    ranked = index.rank(queries[:1], M)
    score = dict(zip(ranked.documents[0].tolist(), ranked.scores[0].tolist(), strict=True))
    found = [score[number] for number in index.search(queries[:1], 15).tolist()]
    np.testing.assert_allclose(found, ranked.scores[0, :15], atol=0.05 if kind == "binary-rescored" else 2e-6)


@pytest.mark.parametrize("kind", INDEXES)
def test_fewer_documents_than_are_asked_for(embedded, kind):
    queries, documents = embedded
    index = INDEXES[kind](documents[:3])
    assert index.rank(queries).documents.shape == (N, 3)
    assert set(index.search(queries[:1], 3).tolist()) == {0, 1, 2}
