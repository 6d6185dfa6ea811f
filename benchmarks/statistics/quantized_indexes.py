"""Indexes that keep embeddings in fewer bytes: eight bits, or one, for each dimension's four bytes.

What they keep is faiss's. Ranks are those of its flat indexes with equal scores in the documents' order, as `search`
has them: faiss leaves that to its heaps, and of binary embeddings many scores are equal ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.search import DEPTH, Rankings, rescore, search

IndexKind = Literal["int8", "binary", "binary-rescored"]

RESCORED = 4
"""Times as many documents as are asked for that are rescored: as sentence-transformers has it."""

Floats = NDArray[np.float32]


class Index(Protocol):
    """Documents, embedded (m, d), as an index keeps them."""

    bytes_per_vector: int

    def rank(self, queries: Floats, depth: int = DEPTH) -> Rankings:
        """For every query (n, d); all documents where there are few."""

    def search(self, query: Floats, k: int) -> NDArray[np.int64]:
        """Numbers of the k nearest documents of one query (1, d), as a service asks for them."""


class Float32Index:
    """Exact inner products."""

    def __init__(self, documents: Floats) -> None:
        import faiss  # not in the processes that plan

        self._documents = documents
        self._index = faiss.IndexFlatIP(documents.shape[1])
        self._index.add(np.ascontiguousarray(documents))
        self.bytes_per_vector = 4 * documents.shape[1]

    def rank(self, queries: Floats, depth: int = DEPTH) -> Rankings:
        return search(queries, self._documents, depth)

    def search(self, query: Floats, k: int) -> NDArray[np.int64]:
        return np.asarray(self._index.search(query, k)[1][0])


class Int8Index:
    """Each dimension in 256 steps from its least to its greatest value among the documents; queries in float32."""

    def __init__(self, documents: Floats) -> None:
        import faiss

        self._index = faiss.IndexScalarQuantizer(
            documents.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
        documents = np.ascontiguousarray(documents)
        self._index.train(documents)
        self._index.add(documents)
        self.bytes_per_vector = int(self._index.sa_code_size())

    def rank(self, queries: Floats, depth: int = DEPTH) -> Rankings:
        return search(queries, self._index.reconstruct_n(0, self._index.ntotal), depth)

    def search(self, query: Floats, k: int) -> NDArray[np.int64]:
        return np.asarray(self._index.search(query, k)[1][0])


class BinaryIndex:
    """The sign of each dimension, of documents and of queries: near are those that differ in few (Hamming)."""

    def __init__(self, documents: Floats) -> None:
        import faiss

        self._width = documents.shape[1]
        self._codes = np.packbits(documents > 0, axis=1)
        self.bytes_per_vector = self._codes.shape[1]
        self._index = faiss.IndexBinaryFlat(8 * self.bytes_per_vector)
        self._index.add(self._codes)

    def rank(self, queries: Floats, depth: int = DEPTH) -> Rankings:
        """Scores are the dimensions with like signs less the others."""
        return search(_signs(queries), self._decoded(self._codes), depth)

    def search(self, query: Floats, k: int) -> NDArray[np.int64]:
        return np.asarray(self._index.search(np.packbits(query > 0, axis=1), k)[1][0])

    def _decoded(self, codes: NDArray[np.uint8]) -> Floats:
        return _signs(np.unpackbits(codes, axis=1, count=self._width))


class RescoredIndex(BinaryIndex):
    """The nearest by sign, ordered anew by the products of the query in float32 and the documents' signs.

    The two stages of Yamada et al. 2021, "Efficient Passage Retrieval with Hashing for Open-domain Question Answering".
    No more is kept of a document than its signs.
    """

    def rank(self, queries: Floats, depth: int = DEPTH) -> Rankings:
        """Scores are cosines with the signs, for queries of length 1."""
        chosen = super().rank(queries, RESCORED * depth).documents
        unit = self._decoded(self._codes) / np.float32(np.sqrt(self._width))
        return rescore(queries, unit, chosen, depth)

    def search(self, query: Floats, k: int) -> NDArray[np.int64]:
        chosen = super().search(query, min(RESCORED * k, len(self._codes)))
        above = np.unpackbits(self._codes[chosen], axis=1, count=self._width).astype(np.float32)
        return chosen[np.argsort(-(above @ query[0]))[:k]]  # twice it, less the query's sum, is the product with signs


INDEXES: dict[IndexKind, Callable[[Floats], Index]] = {
    "int8": Int8Index,
    "binary": BinaryIndex,
    "binary-rescored": RescoredIndex,
}


def _signs(values: NDArray[np.float32] | NDArray[np.uint8]) -> Floats:
    """1 above 0, else -1."""
    return np.where(values > 0, np.float32(1), np.float32(-1))
