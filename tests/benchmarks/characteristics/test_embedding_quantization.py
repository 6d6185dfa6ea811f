"""Quantized embeddings: what an index in fewer bytes keeps of a deployment's rankings."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.characteristics import embedding_quantization, retrieval
from benchmarks.characteristics.embedding_quantization import EmbeddingQuantization
from benchmarks.characteristics.retrieval import Embeddings
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.quantized_indexes import BinaryIndex, IndexKind

N, M, D = 200, 400, 64
KINDS: tuple[IndexKind, ...] = ("int8", "binary", "binary-rescored")


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def embedded() -> dict[str, Embeddings]:
    """One that is isotropic, its second run, and one with a mean, so that most of its signs are the same."""
    generator = np.random.default_rng(0)
    documents = generator.standard_normal((M, D))
    queries = documents[:N] + 1.5 * generator.standard_normal((N, D))
    return {
        "reference": Embeddings(unit(queries), unit(documents)),
        "shifted": Embeddings(unit(queries + 1), unit(documents + 1)),
        "again": Embeddings(unit(queries), unit(documents)),
    }


IDS = [f"d{index}" for index in range(M)]
RELEVANT = [{f"d{index}": 2} for index in range(N)]


@pytest.fixture(scope="module")
def result(embedded: dict[str, Embeddings]) -> EmbeddingQuantization:
    return embedding_quantization.compare(
        embedded, IDS, RELEVANT, range(N), kinds=KINDS, reference="reference", rerun="again", resamples=300, seed=0
    )


def test_the_second_run_is_a_floor_and_not_quantized_itself(result):
    assert set(result.indexes) == {"reference", "shifted"}
    assert (result.queries, result.documents, result.kinds) == (N, M, list(KINDS))
    floor = result.indexes["shifted"]["int8"].verdict
    assert (floor.floor_kind, floor.floor.value) == ("execution", 0.0)


def test_int8_may_be_stored(result):
    for own in (result.indexes["reference"]["int8"], result.indexes["shifted"]["int8"]):
        assert (own.bytes_per_vector, own.float32_bytes) == (D, 4 * D)
        assert own.may_be_stored == "yes"
        assert own.overlap.value > 0.9
    assert result.indexes["reference"]["int8"].verdict.conclusion == "same"


def test_signs_alone_lose_what_rescoring_keeps_more_of(result):
    for own in result.indexes.values():
        binary, rescored = own["binary"], own["binary-rescored"]
        assert binary.bytes_per_vector == rescored.bytes_per_vector == D // 8
    own = result.indexes["reference"]
    assert own["binary"].ndcg.value < own["binary-rescored"].ndcg.value < own["int8"].ndcg.value
    assert own["binary"].overlap.value < own["binary-rescored"].overlap.value < own["int8"].overlap.value
    lost = result.indexes["shifted"]["binary"]
    assert lost.may_be_stored == "no"
    assert lost.ndcg_change.high < 0
    assert lost.verdict.conclusion == "different"


def test_figures_are_those_of_retrieval_on_what_the_index_keeps(embedded, result):
    """Signs are embeddings too: by `retrieval` they are another deployment."""
    own = embedded["shifted"]
    signs = Embeddings(*(np.where(rows > 0, 1, -1).astype(np.float32) for rows in (own.queries, own.documents)))
    wanted = retrieval.compare(
        {"float32": own, "signs": signs}, IDS, RELEVANT, range(N), reference="float32", resamples=300, seed=0
    )
    found = result.indexes["shifted"]["binary"]
    quality = wanted.quality["signs"]
    assert (found.ndcg, found.recall, found.reciprocal_rank) == (quality.ndcg, quality.recall, quality.reciprocal_rank)
    assert found.ndcg_change == quality.ndcg_change
    assert found.overlap == wanted.changes["signs"].overlap


def test_the_overlap_with_the_reference_is_with_its_float32_index(embedded, result):
    own, of_reference = result.indexes["shifted"]["int8"], result.indexes["reference"]["int8"]
    assert of_reference.reference_overlap == of_reference.overlap
    assert own.reference_overlap.value < own.overlap.value
    ranked = {name: BinaryIndex(one.documents).rank(one.queries).documents[:, :10] for name, one in embedded.items()}
    assert not np.array_equal(ranked["reference"], ranked["shifted"])


def test_without_a_second_run_there_is_no_verdict(embedded):
    found = embedding_quantization.compare(
        {"reference": embedded["reference"]},
        IDS,
        RELEVANT,
        range(N),
        kinds=("int8",),
        reference="reference",
        resamples=300,
        seed=0,
    )
    assert found.indexes["reference"]["int8"].verdict is None
    assert found.indexes["reference"]["int8"].may_be_stored == "yes"


def test_an_unknown_kind_is_named(embedded):
    with pytest.raises(BenchmarkError, match="'int4' is no kind of index; there are int8, binary, binary-rescored"):
        embedding_quantization.compare(
            embedded,
            IDS,
            RELEVANT,
            range(N),
            kinds=["int4"],  # type: ignore[list-item]
            reference="reference",
            resamples=300,
            seed=0,
        )
