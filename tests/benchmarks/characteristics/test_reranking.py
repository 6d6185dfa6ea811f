"""Reranking, against pytrec_eval and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval
from scipy.stats import kendalltau

from benchmarks.characteristics.reranking import Reranking, compare, within_lists
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import Floor

QUERIES = 120
GENERATOR = np.random.default_rng(4)
SIZES = GENERATOR.integers(6, 30, QUERIES)
CANDIDATES = [[f"d{place}" for place in range(size)] for size in SIZES]
# A relevant document that is no candidate counts as well: it lowers what any order can reach.
RELEVANT = [{f"d{place}": int(GENERATOR.integers(1, 4)) for place in GENERATOR.integers(0, 30, 4)} for _ in SIZES]
BASE = [GENERATOR.standard_normal(size) for size in SIZES]
SCORES = {
    "reference": BASE,
    "near": [own + 0.02 * GENERATOR.standard_normal(len(own)) for own in BASE],
    "other": [GENERATOR.standard_normal(size) for size in SIZES],
    "tied": [np.round(own) for own in BASE],
    "again": [own + 1e-6 for own in BASE],
}


@pytest.fixture(scope="module")
def result() -> Reranking:
    floors = {name: Floor("execution", ("again",)) for name in ("near", "other", "tied")}
    return compare(
        SCORES, CANDIDATES, RELEVANT, np.arange(QUERIES), reference="reference", resamples=400, seed=0, floors=floors
    )


def value(estimate: Estimate) -> float:
    assert estimate.value is not None
    return estimate.value


@pytest.mark.parametrize("name", SCORES)
def test_quality_is_trec_evals(result, name):
    """Ties are broken here, as trec_eval would break them otherwise."""
    qrels = {str(query): relevant for query, relevant in enumerate(RELEVANT)}
    run = {}
    for query, (ids, own) in enumerate(zip(CANDIDATES, SCORES[name], strict=True)):
        best = sorted(range(len(ids)), key=lambda place: (-round(float(own[place]), 4), place))
        run[str(query)] = {ids[place]: float(-rank) for rank, place in enumerate(best[:10])}
    found = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut_10", "recip_rank"}).evaluate(run)
    means = {measure: np.mean([one[measure] for one in found.values()]) for measure in ("ndcg_cut_10", "recip_rank")}
    assert value(result.quality[name].ndcg) == pytest.approx(means["ndcg_cut_10"], abs=1e-6)
    assert value(result.quality[name].reciprocal_rank) == pytest.approx(means["recip_rank"], abs=1e-6)


@pytest.mark.parametrize("name", ["near", "other", "tied"])
def test_changes_are_scipys_and_counts(result, name):
    taus = [kendalltau(np.round(a, 4), np.round(b, 4)).statistic for a, b in zip(BASE, SCORES[name], strict=True)]
    orders = [
        [np.argsort(-np.round(own, 4), kind="stable").tolist() for own in lists] for lists in (BASE, SCORES[name])
    ]
    change = result.changes[name]
    assert value(change.kendall) == pytest.approx(np.mean(taus), abs=1e-6)
    assert value(change.first) == np.mean([a[0] != b[0] for a, b in zip(*orders, strict=True)])
    assert value(change.first_ten) == np.mean([set(a[:10]) != set(b[:10]) for a, b in zip(*orders, strict=True)])
    moved = np.mean([np.abs(a - b).mean() for a, b in zip(BASE, SCORES[name], strict=True)])
    assert value(change.score) == pytest.approx(moved, abs=1e-4)


def test_what_nothing_tells_apart_is_the_same_order(result):
    change = result.changes["again"]
    assert (value(change.kendall), value(change.first), value(change.first_ten)) == (1, 0, 0)


def test_verdicts_hold_the_order_against_the_floor(result):
    assert {name: one.conclusion for name, one in result.verdicts.items()} == {
        "near": "same",
        "other": "different",
        "tied": "different",
    }
    assert result.verdicts["near"].floor.value == 0
    assert (result.queries, result.candidates) == (QUERIES, SIZES.sum())


def test_lists_without_an_order():
    flat, ordered = np.zeros(4), np.arange(4.0)
    one = np.ones(1)
    found = within_lists([flat, flat, one, ordered], [flat, ordered, 2 * one, -ordered])
    assert found.tolist() == [1, 0, 1, -1]


def test_other_numbers_are_refused():
    with pytest.raises(BenchmarkError, match="scores of short: not one for each candidate of the 2 queries"):
        compare(
            {"short": [np.ones(2), np.ones(1)]},
            [["a", "b"], ["a", "b"]],
            [{"a": 1}, {"a": 1}],
            [0, 1],
            reference="short",
            resamples=10,
            seed=0,
        )
