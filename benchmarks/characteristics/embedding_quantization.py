"""Quantization of embeddings: may a deployment's documents be kept in fewer bytes than float32?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.characteristics.retrieval import Embeddings, IndexVerdict, first_shared, index_verdict, judged
from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, estimates
from benchmarks.statistics.equivalence import MARGIN, OVERLAP_MARGIN, Floor, Verdict, judge
from benchmarks.statistics.quantized_indexes import INDEXES, IndexKind
from benchmarks.statistics.search import Rankings, search

StorageVerdict = Literal["yes", "no", "cannot tell"]
_STORED: dict[IndexVerdict, StorageVerdict] = {"same index": "yes", "re-index": "no", "cannot tell": "cannot tell"}


@dataclass(frozen=True)
class QuantizedIndex:
    """One deployment's embeddings in one kind of index; means over queries, 0 to 1."""

    bytes_per_vector: int
    """Bytes that the index keeps of a document."""
    float32_bytes: int
    """Bytes of a document's embedding as the deployment gives it."""
    ndcg: Estimate
    """nDCG@10."""
    recall: Estimate
    """Recall@100."""
    reciprocal_rank: Estimate
    """Mean reciprocal rank of the first relevant document (MRR)."""
    ndcg_change: Estimate
    """nDCG@10 less that of the deployment's own float32 index."""
    overlap: Estimate
    """Jaccard of the first ten documents with those of the deployment's own float32 index."""
    reference_overlap: Estimate
    """Jaccard of the first ten documents with those of the reference's float32 index."""
    may_be_stored: StorageVerdict
    """yes: the loss of nDCG@10 is shown to be less than the margin; no: a loss is shown; cannot tell: neither."""
    verdict: Verdict | None
    """On the first ten documents that are not shared with the own float32 index (1 - Jaccard), against the reference's
    second run; None: it was not run again."""


@dataclass(frozen=True)
class EmbeddingQuantization:
    """All deployments' embeddings in every kind of index that the study names."""

    queries: int
    """Queries with a relevant document."""
    documents: int
    """Documents of the corpus."""
    margin: float
    """Loss of nDCG@10 that does not matter."""
    kinds: list[IndexKind]
    """Of indexes, in the study's order."""
    indexes: dict[str, dict[IndexKind, QuantizedIndex]]
    """By deployment, then by kind of index."""


def compare(
    embedded: Mapping[str, Embeddings],
    ids: Sequence[str],
    relevant: Sequence[Mapping[str, int]],
    groups: ArrayLike,
    *,
    kinds: Sequence[IndexKind],
    reference: str,
    rerun: str | None = None,
    resamples: int,
    seed: int,
    margin: float = MARGIN,
    overlap_margin: float = OVERLAP_MARGIN,
) -> EmbeddingQuantization:
    """Hold each deployment's embeddings in ``kinds`` of indexes against its own in float32.

    Args:
        embedded: by deployment, its embeddings of both.
        ids: m ids of the documents.
        relevant: for each query, grades from 1 by id of the document.
        groups: (n,) labels; queries of one group are resampled together.
        kinds: of indexes.
        reference: a deployment.
        rerun: the reference's second run, the floor of the first ten documents; it is not quantized itself.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.
        margin: loss of nDCG@10 that does not matter.
        overlap_margin: loss of Jaccard that does not matter.

    Raises:
        BenchmarkError: an unknown reference or kind.
    """
    require_reference(reference, embedded)
    if unknown := [kind for kind in kinds if kind not in INDEXES]:
        raise BenchmarkError(f"{unknown[0]!r} is no kind of index; there are {', '.join(INDEXES)}")
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    exact = {name: search(own.queries, own.documents) for name, own in embedded.items()}
    quantized: dict[tuple[str, IndexKind], tuple[int, Rankings]] = {}
    for name, own in embedded.items():
        for kind in kinds if name != rerun else ():
            index = INDEXES[kind](own.documents)
            quantized[name, kind] = index.bytes_per_vector, index.rank(own.queries)

    def distance(one: Rankings, other: Rankings) -> Floats:
        return 1 - np.asarray(bootstrap.means(first_shared(one, other))[:, 0], np.float64)

    # The reference's second run is the floor of all of them: nothing else but chance differs between the two.
    distances = {
        (reference, f"{kind} {name}"): distance(exact[name], ranking)
        for (name, kind), (_, ranking) in quantized.items()
    }
    floors = {}
    if rerun is not None and rerun in embedded:
        floors = dict.fromkeys((name for _, name in distances), Floor("execution", (rerun,)))
        distances[reference, rerun] = distance(exact[reference], exact[rerun])
    verdicts = judge(distances, reference, floors, overlap_margin, examples=bootstrap.n)

    indexes: dict[str, dict[IndexKind, QuantizedIndex]] = {}
    well = {name: judged(ranking, ids, relevant) for name, ranking in exact.items()}
    for (name, kind), (size, ranking) in quantized.items():
        kept = judged(ranking, ids, relevant)
        columns = [kept.ndcg, kept.recall, kept.reciprocal_rank, kept.ndcg - well[name].ndcg]
        columns += [first_shared(exact[one], ranking) for one in (name, reference)]
        ndcg, recall, reciprocal_rank, change, overlap, shared = estimates(bootstrap.means(np.stack(columns, axis=1)))
        indexes.setdefault(name, {})[kind] = QuantizedIndex(
            bytes_per_vector=size,
            float32_bytes=embedded[name].documents.shape[1] * 4,
            ndcg=ndcg,
            recall=recall,
            reciprocal_rank=reciprocal_rank,
            ndcg_change=change,
            overlap=overlap,
            reference_overlap=shared,
            may_be_stored=_STORED[index_verdict(change, margin)],
            verdict=verdicts.get(f"{kind} {name}"),
        )
    return EmbeddingQuantization(bootstrap.n, len(ids), margin, list(kinds), indexes)
