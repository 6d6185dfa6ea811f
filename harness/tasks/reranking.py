"""Reranking: a query and its candidates in, the candidates in a better order out, as of a cross-encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.examples.records import CandidateList, Example, ScoredPair
from harness.tasks.features import Features
from harness.tasks.one_output import OneOutputTask
from harness.tasks.retrieval import RetrievalTask, relevant_documents
from harness.tasks.task import ReferenceInputs, mean

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.config.data import DataSource
    from harness.data.arrow import pa
    from harness.tasks.fast_tokenizer import FastTokenizer

HIT = "hit@1"


class RerankingTask(OneOutputTask):
    """An example is a query, with a feature a candidate: what is timed is a whole list.

    Candidates are ordered by the head's one output, as it is: an activation keeps the order. The prediction is the one
    in front, and an error a query whose one in front is not relevant. A relevant one among the first ten, as retrieval
    asks for, any order has where candidates are few.
    """

    name = "reranking"
    unit = "query"
    other_unit = "pair"
    score_name = HIT
    figures: ClassVar[Mapping[str, str]] = {"ndcg": "nDCG@10", "reciprocal_rank": "MRR@10"}
    main_figure = "ndcg"
    policy_figures = ("ndcg-change", "order")
    gold = ("relevant", "grades", "candidates", "correct")
    correct = "correct"
    verified_score = ("correct", HIT)

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_candidate_lists, read_scored_pairs

        return read_candidate_lists(source, role) if role == "evaluation" else read_scored_pairs(source, role)

    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features:
        """One feature a candidate."""
        pairs, owners = _pairs(examples)
        return Features(super().encode(tokenizer, pairs).inputs, owners)

    def reference_inputs(self, tokenizer: Any, examples: Sequence[Example], features: Features) -> ReferenceInputs:
        pairs, owners = _pairs(examples)
        pair_inputs = super().reference_inputs(tokenizer, pairs, features)
        return ReferenceInputs(pair_inputs.inputs, owners.tolist(), pair_inputs.offsets)

    def table(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> pa.Table:
        """Columns: id, group, logits, tokens, representation; of queries also relevant, grades, candidates, ranking,
        prediction and correct.

        ``logits`` is one number a candidate. ``tokens`` and ``representation`` are of the first candidate.
        """
        from benchmarks.statistics.search import best_first
        from harness.data.arrow import pa

        logits, firsts = outputs["logits"], features.first
        if len(features) != len(logits):
            raise ValueError(f"{len(features)} features and {len(logits)} logits")
        own = [np.concatenate(logits[start:end]) for start, end in pairwise([*firsts, len(logits)])]
        first_of_each = {
            "logits": own,
            **{name: [rows[at] for at in firsts] for name, rows in outputs.items() if name == "representation"},
        }
        inputs = {name: [rows[at] for at in firsts] for name, rows in features.inputs.items()}
        asked = Features(inputs, np.arange(len(firsts)))
        if not any(isinstance(example, CandidateList) for example in examples):
            return self._table(examples, asked, first_of_each)
        queries = cast("Sequence[CandidateList]", examples)
        rankings = [
            [query.candidates[place] for place in best_first(scores)]
            for query, scores in zip(queries, own, strict=True)
        ]
        front = [ranking[0] for ranking in rankings]
        ids = pa.list_(pa.string())
        decoded = {
            "relevant": pa.array([query.relevant for query in queries], ids),
            "grades": pa.array([query.grades for query in queries], pa.list_(pa.int64())),
            "candidates": pa.array([query.candidates for query in queries], ids),
            "ranking": pa.array(rankings, ids),
            "prediction": pa.array(front, pa.string()),
            "correct": pa.array([one in query.relevant for query, one in zip(queries, front, strict=True)], pa.bool_()),
        }
        return self._table(examples, asked, first_of_each, **decoded)

    def judged(self, table: pa.Table, corpus: pa.Table | None) -> pa.Table:
        """With the columns ndcg and reciprocal_rank, of the ten in front."""
        if "ranking" not in table.column_names:
            return table
        from benchmarks.statistics.search import TOP, judge_rankings
        from harness.data.arrow import pa

        rankings = table.column("ranking").to_pylist()
        scores = judge_rankings([ranking[:TOP] for ranking in rankings], relevant_documents(table))
        for name, column in (("ndcg", scores.ndcg), ("reciprocal_rank", scores.reciprocal_rank)):
            table = table.append_column(name, pa.array(column))
        return table

    @staticmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        from harness.tasks.columns import numbers

        means = {name: mean(numbers(table, name)) for name in ("ndcg", "reciprocal_rank")}
        return {"accuracy": mean(numbers(table, "correct")), **means}

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        lists = cast("Sequence[CandidateList]", examples)
        candidates = np.array([len(one.candidates) for one in lists])
        return {**RetrievalTask.attributes(examples, labels, confidence), "candidates": candidates}

    @staticmethod
    def strata(table: pa.Table) -> dict[str, NDArray[np.bool_]]:
        """No order finds what the first stage has not: on such queries all models err alike."""
        columns = (table.column(name).to_pylist() for name in ("relevant", "candidates"))
        there = np.array([not set(relevant).isdisjoint(given) for relevant, given in zip(*columns, strict=True)])
        return {"a relevant candidate": there, "no relevant candidate": ~there} if 0 < there.sum() < len(there) else {}


def _pairs(examples: Sequence[Example]) -> tuple[list[ScoredPair], NDArray[np.int64]]:
    """A pair a feature, and the index of its example."""
    lists = [
        example.pairs if isinstance(example, CandidateList) else [cast("ScoredPair", example)] for example in examples
    ]
    owners = np.repeat(np.arange(len(lists), dtype=np.int64), [len(own) for own in lists])
    return [pair for own in lists for pair in own], owners
