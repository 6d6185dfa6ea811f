"""Exact search of documents by the products of embeddings, and how well it finds what is relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Floats

DEPTH = 100
"""Documents of a ranking, as in BEIR (Thakur et al. 2021)."""
TOP = 10
"""Those that are looked at: of nDCG, and of whether a query found anything."""
TIE = 6
"""Decimals to which products are told apart: float32 sums tell no more; one text in two batches differs by that."""
OUTPUT_TIE = 4
"""Likewise of a reranker's outputs, which are larger: of one text they differ by up to 1e-5 between batches."""

_NUMBERS_AT_ONCE = 1 << 24


@dataclass(frozen=True)
class Rankings:
    """Of each query the nearest documents, best first."""

    documents: NDArray[np.intp]
    """(queries, depth) their numbers."""
    scores: NDArray[np.float32]
    """(queries, depth) their products with the query: cosines, where embeddings are normalised."""


def search(queries: NDArray[np.float32], documents: NDArray[np.float32], depth: int = DEPTH) -> Rankings:
    """Rank the documents (m, d) for every query (n, d) by inner product, all of them where there are few.

    Of documents with equal scores the one of lower number is first.

    Raises:
        BenchmarkError: embeddings of different widths.
    """
    if queries.shape[1] != documents.shape[1]:
        raise BenchmarkError(
            f"queries have {queries.shape[1]} dimensions and documents {documents.shape[1]}: one index cannot hold both"
        )
    depth = min(depth, len(documents))
    document_numbers = np.empty((len(queries), depth), np.intp)
    scores = np.empty((len(queries), depth), np.float32)
    step = max(1, _NUMBERS_AT_ONCE // len(documents))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        products = np.round(queries[rows] @ documents.T, TIE)
        nearest = np.sort(np.argpartition(-products, depth - 1, axis=1)[:, :depth], axis=1)
        own = np.take_along_axis(products, nearest, axis=1)
        order = np.argsort(-own, axis=1, kind="stable")
        document_numbers[rows] = np.take_along_axis(nearest, order, axis=1)
        scores[rows] = np.take_along_axis(own, order, axis=1)
    return Rankings(document_numbers, scores)


def rescore(
    queries: NDArray[np.float32], documents: NDArray[np.float32], chosen: NDArray[np.intp], depth: int = DEPTH
) -> Rankings:
    """Rank for every query (n, d) only the documents whose numbers were ``chosen`` (n, c) for it, as `search` does."""
    numbers = np.sort(chosen, axis=1)
    scores = np.stack([np.round(documents[own] @ query, TIE) for own, query in zip(numbers, queries, strict=True)])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return Rankings(np.take_along_axis(numbers, order, axis=1), np.take_along_axis(scores, order, axis=1))


def round_outputs(outputs: NDArray[np.floating]) -> Floats:
    """A reranker's outputs, equal where nothing tells them apart."""
    return np.asarray(np.round(np.asarray(outputs, np.float64), OUTPUT_TIE), np.float64)


def best_first(outputs: NDArray[np.floating]) -> NDArray[np.intp]:
    """(n,) places of a reranker's outputs on n candidates, the highest first; of equal ones the first."""
    return np.argsort(-round_outputs(outputs), kind="stable")


@dataclass(frozen=True)
class QueryMetrics:
    """How well each of n queries was answered, (n,) from 0 to 1."""

    ndcg: Floats
    """nDCG@10 with the grades as gains (Järvelin and Kekäläinen 2002, as trec_eval computes it)."""
    recall: Floats
    """Recall@100."""
    reciprocal_rank: Floats
    """Of the first relevant document, within the ranking."""


def judge_rankings(ids: Sequence[Sequence[str]], relevant: Sequence[Mapping[str, int]]) -> QueryMetrics:
    """Hold rankings, which are ids of documents by query, against the grades of relevant ones, by `ir_measures`."""
    from ir_measures import RR, Qrel, R, ScoredDoc, iter_calc, nDCG

    measures = {nDCG @ TOP: "ndcg", R @ DEPTH: "recall", RR: "reciprocal_rank"}
    metric_values = {name: np.zeros(len(ids)) for name in measures.values()}
    qrels = [
        Qrel(str(query), document, grade) for query, grades in enumerate(relevant) for document, grade in grades.items()
    ]
    # Ranks in place of scores: which of equal ones is first has been decided.
    run = [
        ScoredDoc(str(query), document, float(-rank))
        for query, ranking in enumerate(ids)
        for rank, document in enumerate(ranking)
    ]
    for metric in iter_calc(list(measures), qrels, run):
        metric_values[measures[metric.measure]][int(metric.query_id)] = metric.value
    return QueryMetrics(**metric_values)


def rank_biased_overlap(first: NDArray[np.intp], second: NDArray[np.intp], p: float = 0.9) -> Floats:
    """(n,) likeness of rankings (n, depth), 0 to 1: Webber et al. 2010, "A similarity measure for indefinite rankings".

    Extrapolated from what is there (their equation 32 for lists of one length); ``p`` is the chance that a reader goes
    on to the next document: at .9 the first ten have 86 % of the weight.
    """
    n, depth = first.shape
    agreement = np.empty((n, depth))
    for k in range(1, depth + 1):
        shared = (first[:, :k, None] == second[:, None, :k]).any(axis=2).sum(axis=1)
        agreement[:, k - 1] = shared / k
    weights = p ** np.arange(depth)
    return np.asarray(agreement[:, -1] * p**depth + (1 - p) * (agreement * weights).sum(axis=1), dtype=np.float64)
