"""Retrieval: what is found, what changes, and whether the index may stay."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.characteristics.retrieval import Embeddings, Retrieval, compare, index_verdict
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import Floor

N, M, D = 150, 400, 16


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def result() -> Retrieval:
    """Queries near one relevant document each; copies, noise, another basis, unlearned embeddings, fewer dimensions."""
    generator = np.random.default_rng(0)
    documents = generator.standard_normal((M, D))
    queries = documents[:N] + 0.5 * generator.standard_normal((N, D))
    basis, _ = np.linalg.qr(generator.standard_normal((D, D)))

    def noisy(rows: np.ndarray, size: float) -> np.ndarray:
        return rows + size * generator.standard_normal(rows.shape)

    embedded = {
        "reference": Embeddings(unit(queries), unit(documents)),
        "near": Embeddings(unit(noisy(queries, 0.02)), unit(noisy(documents, 0.02))),
        "turned": Embeddings(unit(queries @ basis), unit(documents @ basis)),
        "narrow": Embeddings(unit(queries[:, :8]), unit(documents[:, :8])),
        "again": Embeddings(unit(queries), unit(documents)),
    }
    ids = [f"d{index}" for index in range(M)]
    relevant = [{f"d{index}": 2} for index in range(N)]
    floors = {name: Floor("execution", ("again",)) for name in ("near", "turned", "narrow")}
    groups = np.arange(N)
    return compare(embedded, ids, relevant, groups, reference="reference", resamples=400, seed=0, floors=floors)


def mixed(result: Retrieval, index: str, queries: str) -> tuple[float | None, str]:
    (one,) = [one for one in result.mixed if (one.index, one.queries) == (index, queries)]
    return one.change.value, one.verdict


def test_the_same_embeddings_change_nothing(result):
    change = result.changes["again"]
    assert (change.overlap.value, change.score.value) == (1.0, 0.0)
    assert change.rank_biased_overlap.value == pytest.approx(1)
    assert mixed(result, "reference", "again") == (0.0, "same index")
    assert mixed(result, "again", "reference") == (0.0, "same index")


def test_a_little_noise_keeps_the_index_and_moves_documents(result):
    assert mixed(result, "reference", "near")[1] == "same index"
    assert mixed(result, "near", "reference")[1] == "same index"
    overlap = result.changes["near"].overlap.value
    assert overlap is not None
    assert 0.5 < overlap < 1
    assert result.verdicts["near"].conclusion == "different"
    assert result.verdicts["near"].floor.value == 0


def test_another_basis_finds_the_same_documents_by_itself_and_none_in_the_others_index(result):
    assert result.changes["turned"].overlap.value == pytest.approx(1)
    assert result.verdicts["turned"].conclusion == "same"
    for pair in (("reference", "turned"), ("turned", "reference")):
        change, verdict = mixed(result, *pair)
        assert change is not None
        assert change < -0.5
        assert verdict == "re-index"


def test_other_widths_do_not_fit(result):
    assert mixed(result, "reference", "narrow") == (None, "re-index")


def test_quality_is_that_of_the_rankings(result):
    reference = result.quality["reference"]
    assert reference.ndcg_change.value == 0
    assert 0.5 < (reference.ndcg.value or 0) <= 1
    assert (result.queries, result.documents) == (N, M)


def test_the_verdict_never_contradicts_its_interval():
    assert index_verdict(Estimate(-0.002, -0.008, 0.004), 0.01) == "same index"
    assert index_verdict(Estimate(-0.002, -0.008, -0.001), 0.01) == "same index"
    assert index_verdict(Estimate(-0.05, -0.09, -0.01), 0.01) == "re-index"
    assert index_verdict(Estimate(-0.01, -0.03, 0.01), 0.01) == "cannot tell"
    assert index_verdict(Estimate(0.0, None, None), 0.01) == "cannot tell"


def test_arrays_of_other_lengths_are_refused():
    embedded = {"a": Embeddings(np.ones((2, 3), np.float32), np.ones((4, 3), np.float32))}
    with pytest.raises(BenchmarkError, match="2 queries and 4 documents, expected 2 and 3"):
        compare(embedded, ["x", "y", "z"], [{"x": 1}, {"y": 1}], [0, 1], reference="a", resamples=10, seed=0)
