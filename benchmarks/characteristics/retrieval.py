"""Retrieval: does a deployment find the same documents, and may the index stay when the queries' encoder changes?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate, Floats, GroupBootstrap, estimates
from benchmarks.statistics.equivalence import MARGIN, OVERLAP_MARGIN, Floors, Verdict, judge, members_of
from benchmarks.statistics.search import TOP, QueryMetrics, Rankings, judge_rankings, rank_biased_overlap, search

IndexVerdict = Literal["same index", "re-index", "cannot tell"]


@dataclass(frozen=True)
class RetrievalQuality:
    """How well one deployment retrieves with an index of its own, 0 to 1."""

    ndcg: Estimate
    """nDCG@10."""
    recall: Estimate
    """Recall@100."""
    reciprocal_rank: Estimate
    """Mean reciprocal rank of the first relevant document (MRR)."""
    ndcg_change: Estimate
    """nDCG@10 less the reference's, on the same queries."""


@dataclass(frozen=True)
class RankingChange:
    """How a deployment's rankings differ from the reference's, each with an index of its own; means over queries."""

    overlap: Estimate
    """Jaccard of the first ten documents, 0 to 1."""
    rank_biased_overlap: Estimate
    """Of the first hundred documents, p = .9, 0 to 1."""
    score: Estimate
    """Absolute change of the first ten documents' scores, of those that both have among their first hundred."""


@dataclass(frozen=True)
class MixedIndex:
    """Queries of one deployment on documents of another, against the queries' own deployment on its own documents."""

    index: str
    """The deployment that embedded the documents."""
    queries: str
    """The deployment that embeds the queries."""
    ndcg: Estimate
    """nDCG@10 of the two together; without a value where their embeddings have different widths."""
    change: Estimate
    """That less nDCG@10 of the queries' deployment with an index of its own."""
    verdict: IndexVerdict
    """same index: the loss is shown to be less than the margin; re-index: a loss is shown, or nothing fits."""


@dataclass(frozen=True)
class Retrieval:
    """Rankings of all deployments on one corpus."""

    queries: int
    """Queries with a relevant document."""
    documents: int
    """Documents of the corpus."""
    margin: float
    """Loss of nDCG@10 that does not matter."""
    quality: dict[str, RetrievalQuality]
    """By deployment."""
    changes: dict[str, RankingChange]
    """By deployment, against the reference."""
    mixed: list[MixedIndex]
    """The reference with every other deployment, both ways."""
    verdicts: dict[str, Verdict]
    """By deployment: on the first ten documents that are not shared with the reference (1 - Jaccard)."""

    def on_index(self, index: str, queries: str) -> MixedIndex | None:
        """Queries of one deployment on documents of the other; None of a pair without the reference."""
        return next((one for one in self.mixed if (one.index, one.queries) == (index, queries)), None)


@dataclass(frozen=True)
class Embeddings:
    """What one deployment made of a corpus and of queries on it."""

    queries: NDArray[np.float32]
    """(queries, dimensions)"""
    documents: NDArray[np.float32]
    """(documents, dimensions)"""


def compare(
    embedded: Mapping[str, Embeddings],
    ids: Sequence[str],
    relevant: Sequence[Mapping[str, int]],
    groups: ArrayLike,
    *,
    reference: str,
    resamples: int,
    seed: int,
    floors: Floors | None = None,
    margin: float = MARGIN,
    overlap_margin: float = OVERLAP_MARGIN,
) -> Retrieval:
    """Compare deployments on the same n queries and m documents.

    Args:
        embedded: by deployment, its embeddings of both.
        ids: m ids of the documents.
        relevant: for each query, grades from 1 by id of the document.
        groups: (n,) labels; queries of one group are resampled together.
        reference: the deployment that the others are held against.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.
        floors: by deployment, what differs by noise alone; see `benchmarks.statistics.equivalence`.
        margin: loss of nDCG@10 that does not matter.
        overlap_margin: loss of Jaccard that does not matter.

    Raises:
        BenchmarkError: an unknown reference, or arrays of other lengths.
    """
    require_reference(reference, embedded)
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    for name, own in embedded.items():
        if (len(own.queries), len(own.documents), len(relevant)) != (bootstrap.n, len(ids), bootstrap.n):
            raise BenchmarkError(
                f"{name}: {len(own.queries)} queries and {len(own.documents)} documents, expected {bootstrap.n} and "
                f"{len(ids)}"
            )
    rankings = {name: search(own.queries, own.documents) for name, own in embedded.items()}
    metrics = {name: judged(ranking, ids, relevant) for name, ranking in rankings.items()}
    others = [name for name in embedded if name != reference]
    trainings = members_of(floors)
    pairs = [*((reference, name) for name in others), *combinations(trainings, 2)]
    distances = {
        (a, b): 1 - np.asarray(bootstrap.means(first_shared(rankings[a], rankings[b]))[:, 0], np.float64)
        for a, b in pairs
    }
    return Retrieval(
        queries=bootstrap.n,
        documents=len(ids),
        margin=margin,
        quality={name: _quality(own, metrics[reference], bootstrap) for name, own in metrics.items()},
        changes={name: _change(rankings[reference], rankings[name], bootstrap) for name in others},
        mixed=[
            _mixed(pair, embedded, ids, relevant, metrics[pair[1]].ndcg, bootstrap, margin)
            for name in others
            for pair in ((reference, name), (name, reference))
        ],
        verdicts=judge(distances, reference, floors or {}, overlap_margin, examples=bootstrap.n),
    )


def judged(ranking: Rankings, ids: Sequence[str], relevant: Sequence[Mapping[str, int]]) -> QueryMetrics:
    """How well ``ids`` of documents, by their numbers, were ranked."""
    return judge_rankings([[ids[one] for one in row] for row in ranking.documents.tolist()], relevant)


def _quality(own: QueryMetrics, base: QueryMetrics, bootstrap: GroupBootstrap) -> RetrievalQuality:
    columns = np.stack([own.ndcg, own.recall, own.reciprocal_rank, own.ndcg - base.ndcg], axis=1)
    return RetrievalQuality(*estimates(bootstrap.means(columns)))


def first_shared(first: Rankings, second: Rankings) -> Floats:
    """(n,) Jaccard of the first ten documents."""
    a, b = first.documents[:, :TOP], second.documents[:, :TOP]
    shared = (a[:, :, None] == b[:, None, :]).any(axis=2).sum(axis=1)
    return np.asarray(shared / (2 * a.shape[1] - shared), dtype=np.float64)


def _change(base: Rankings, own: Rankings, bootstrap: GroupBootstrap) -> RankingChange:
    top = base.documents[:, :TOP]
    same = top[:, :, None] == own.documents[:, None, :]
    theirs = np.where(same, own.scores[:, None, :], 0.0).sum(axis=2)
    both = same.any(axis=2)
    away = np.where(both, np.abs(base.scores[:, :TOP] - theirs), 0.0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    biased = rank_biased_overlap(base.documents, own.documents)
    columns = np.stack([first_shared(base, own), biased, away], axis=1)
    return RankingChange(*estimates(bootstrap.means(columns)))


def _mixed(
    pair: tuple[str, str],
    embedded: Mapping[str, Embeddings],
    ids: Sequence[str],
    relevant: Sequence[Mapping[str, int]],
    own: Floats,
    bootstrap: GroupBootstrap,
    margin: float,
) -> MixedIndex:
    """``pair``: whose index, whose queries. ``own``: (n,) nDCG@10 of the queries' deployment with its own index."""
    index, queries = pair
    if embedded[index].documents.shape[1] != embedded[queries].queries.shape[1]:
        return MixedIndex(index, queries, UNDEFINED, UNDEFINED, "re-index")
    ranking = search(embedded[queries].queries, embedded[index].documents)
    together = judged(ranking, ids, relevant).ndcg
    ndcg, change = estimates(bootstrap.means(np.stack([together, together - own], axis=1)))
    return MixedIndex(index, queries, ndcg, change, index_verdict(change, margin))


def index_verdict(change: Estimate, margin: float) -> IndexVerdict:
    """Of the change of nDCG, by its 95 % interval: it never contradicts what is shown."""
    if change.low is None or change.high is None:
        return "cannot tell"
    if change.low > -margin:
        return "same index"
    return "re-index" if change.high < 0 else "cannot tell"
