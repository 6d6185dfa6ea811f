"""Reranking: does a deployment put candidates in as good an order, and in the reference's?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, estimates
from benchmarks.statistics.equivalence import MARGIN, OVERLAP_MARGIN, Floors, Verdict, judge, members_of
from benchmarks.statistics.search import TOP, QueryMetrics, best_first, judge_rankings, round_outputs

Lists = Sequence[NDArray[np.floating]]
"""Of each query, (candidates,) the scores of its own."""


@dataclass(frozen=True)
class RerankingQuality:
    """How well one deployment orders candidates, 0 to 1."""

    ndcg: Estimate
    """nDCG@10, of all that is relevant, among the candidates or not."""
    reciprocal_rank: Estimate
    """Mean reciprocal rank of the first relevant document of the ten in front (MRR@10)."""
    ndcg_change: Estimate
    """nDCG@10 less the reference's, on the same queries."""


@dataclass(frozen=True)
class OrderChange:
    """How a deployment's orders differ from the reference's; means over queries."""

    kendall: Estimate
    """Kendall's tau-b of the scores of a query's candidates, up to 1: two of them are in the same order in both in a
    share (1 + tau) / 2."""
    first: Estimate
    """Queries that another candidate is first of, as a share."""
    first_ten: Estimate
    """Queries whose first ten candidates are others, in whatever order, as a share."""
    score: Estimate
    """Absolute change of a candidate's score."""


@dataclass(frozen=True)
class Reranking:
    """Orders of all deployments on the same candidates."""

    queries: int
    """Queries with a relevant document."""
    candidates: int
    """Candidates of all of them."""
    margin: float
    """Loss of nDCG@10 that does not matter."""
    quality: dict[str, RerankingQuality]
    """By deployment."""
    changes: dict[str, OrderChange]
    """By deployment, against the reference."""
    verdicts: dict[str, Verdict]
    """By deployment: on what Kendall's tau-b with the reference lacks of 1."""


def compare(
    scores: Mapping[str, Lists],
    candidates: Sequence[Sequence[str]],
    relevant: Sequence[Mapping[str, int]],
    groups: ArrayLike,
    *,
    reference: str,
    resamples: int,
    seed: int,
    floors: Floors | None = None,
    margin: float = MARGIN,
    overlap_margin: float = OVERLAP_MARGIN,
) -> Reranking:
    """Compare deployments on the candidates of the same n queries.

    Of candidates with equal scores (see `benchmarks.statistics.search.round_outputs`) that is first which was.

    Args:
        scores: by deployment, of each query those of its candidates.
        candidates: of each query their ids.
        relevant: of each query, grades from 1 by id of the document.
        groups: (n,) labels; queries of one group are resampled together.
        reference: the deployment that the others are held against.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.
        floors: by deployment, what differs by noise alone; see `benchmarks.statistics.equivalence`.
        margin: loss of nDCG@10 that does not matter.
        overlap_margin: loss of tau-b that does not matter.

    Raises:
        BenchmarkError: an unknown reference, or other numbers of queries or candidates.
    """
    require_reference(reference, scores)
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    numbers = [len(own) for own in candidates]
    for name, lists in scores.items():
        if [len(own) for own in lists] != numbers or len(relevant) != len(numbers) or bootstrap.n != len(numbers):
            raise BenchmarkError(f"scores of {name}: not one for each candidate of the {bootstrap.n} queries")
    rounded_scores = {name: [round_outputs(own) for own in lists] for name, lists in scores.items()}
    metrics = {name: _judge(lists, candidates, relevant) for name, lists in rounded_scores.items()}
    others = [name for name in scores if name != reference]
    trainings = members_of(floors)
    pairs = dict.fromkeys([*((reference, name) for name in others), *combinations(trainings, 2)])
    kendalls = {(a, b): within_lists(rounded_scores[a], rounded_scores[b]) for a, b in pairs}
    return Reranking(
        queries=bootstrap.n,
        candidates=sum(numbers),
        margin=margin,
        quality={name: _quality(own, metrics[reference], bootstrap) for name, own in metrics.items()},
        changes={
            name: _change(kendalls[reference, name], rounded_scores, (reference, name), bootstrap) for name in others
        },
        verdicts=judge(
            {pair: 1 - np.asarray(bootstrap.means(own)[:, 0], np.float64) for pair, own in kendalls.items()},
            reference,
            floors or {},
            overlap_margin,
            examples=bootstrap.n,
        ),
    )


def within_lists(first: Lists, second: Lists) -> Floats:
    """(n,) Kendall's tau-b of each list (scipy's).

    Where it is not defined, since all scores of a list are equal in one of the two: 1 where they are in both, and there
    is nothing to order; 0 where they are in one, which then has no order.
    """
    from scipy.stats import kendalltau

    taus: Floats = np.empty(len(first))
    for place, (a, b) in enumerate(zip(first, second, strict=True)):
        flat = [len(np.unique(own)) < 2 for own in (a, b)]
        taus[place] = float(all(flat)) if any(flat) else kendalltau(a, b).statistic
    return taus


def _judge(scores: Lists, candidates: Sequence[Sequence[str]], relevant: Sequence[Mapping[str, int]]) -> QueryMetrics:
    """Of the ten in front."""
    ranked = [[ids[at] for at in best_first(own)[:TOP]] for ids, own in zip(candidates, scores, strict=True)]
    return judge_rankings(ranked, relevant)


def _quality(own: QueryMetrics, base: QueryMetrics, bootstrap: GroupBootstrap) -> RerankingQuality:
    columns = np.stack([own.ndcg, own.reciprocal_rank, own.ndcg - base.ndcg], axis=1)
    return RerankingQuality(*estimates(bootstrap.means(columns)))


def _change(
    kendalls: Floats, scores: Mapping[str, Lists], pair: tuple[str, str], bootstrap: GroupBootstrap
) -> OrderChange:
    base, own = (scores[name] for name in pair)
    orders = [[best_first(one) for one in lists] for lists in (base, own)]
    others = [[set(a[:count]) != set(b[:count]) for a, b in zip(*orders, strict=True)] for count in (1, TOP)]
    moved = [np.abs(a - b).mean() for a, b in zip(base, own, strict=True)]
    return OrderChange(*estimates(bootstrap.means(np.stack([kendalls, *others, moved], axis=1))))
