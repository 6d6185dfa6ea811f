"""Retrieval: a query in, a ranking of the documents of a corpus out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.errors import REFUSED, StepFailed, UserError
from harness.examples import Example, Query
from harness.tasks.embedding import EmbeddingTask
from harness.tasks.features import Features
from harness.tasks.task import mean

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.arrow import pa
    from harness.config.data import DataSource
    from harness.config.tasks import TaskSettings

NOTHING = "nothing relevant"
"""The prediction of a query whose first ten documents hold none that is."""


class RetrievalTask(EmbeddingTask):
    """What a query finds is the first relevant document of its ten nearest; one that finds none is an error."""

    name = "retrieval"
    unit = "query"
    right = "found in 10"
    figures: ClassVar[Mapping[str, str]] = {"ndcg": "nDCG@10", "recall": "recall\n@100", "reciprocal_rank": "MRR"}
    gold = ("relevant", "grades", "correct")

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        super().check_settings(place, settings)
        if settings.data.corpus is None:
            raise UserError(f"{place}.data.corpus: is missing; name the documents, corpus: {{corpus: corpus.jsonl}}")

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_plain_texts, read_queries

        return read_queries(source, role) if role == "evaluation" else read_plain_texts(source, role)

    def table(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> pa.Table:
        """Of queries also: relevant, the ids of documents, and their grades."""
        from harness.arrow import pa

        table = super().table(examples, features, outputs)
        if not any(isinstance(example, Query) for example in examples):
            return table
        queries = cast("Sequence[Query]", examples)
        relevant = pa.array([query.relevant for query in queries], pa.list_(pa.string()))
        grades = pa.array([query.grades for query in queries], pa.list_(pa.int64()))
        return table.append_column("relevant", relevant).append_column("grades", grades)

    def judged(self, table: pa.Table, corpus: pa.Table | None) -> pa.Table:
        """With the columns ranking (ids, best first), ndcg, recall, reciprocal_rank, prediction and correct.

        ``corpus`` is the deployment's own table of the documents.
        """
        if corpus is None or "relevant" not in table.column_names:
            return table
        from benchmarks.statistics.search import TOP, judge_rankings, search
        from harness.arrow import pa
        from harness.tasks.columns import matrix, strings

        ids = strings(corpus, "id")
        relevant = relevant_documents(table)
        there = set(ids.tolist())
        if not any(document in there for grades in relevant for document in grades):
            raise StepFailed(
                REFUSED, "no relevant document of any query is in the corpus; name the corpus that the qrels are of"
            )
        ranked = search(matrix(table, "representation"), matrix(corpus, "representation"))
        rankings = ids[ranked.documents].tolist()
        found = judge_rankings(rankings, relevant)
        first = [
            next((document for document in ranking[:TOP] if document in grades), NOTHING)
            for ranking, grades in zip(rankings, relevant, strict=True)
        ]
        for name, column in {
            "ranking": pa.array(rankings, pa.list_(pa.string())),
            "ndcg": pa.array(found.ndcg),
            "recall": pa.array(found.recall),
            "reciprocal_rank": pa.array(found.reciprocal_rank),
            "prediction": pa.array(first, pa.string()),
            "correct": pa.array([one != NOTHING for one in first]),
        }.items():
            table = table.append_column(name, column)
        return table

    @staticmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        from harness.tasks.columns import numbers

        means = {name: mean(numbers(table, name)) for name in ("ndcg", "recall", "reciprocal_rank")}
        return {"accuracy": mean(numbers(table, "correct")), **means}

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        from benchmarks.characteristics.attributes import of_texts

        queries = cast("Sequence[Query]", examples)
        relevant = np.array([len(query.relevant) for query in queries])
        return {**of_texts([query.text for query in queries], None, confidence), "relevant documents": relevant}


def relevant_documents(table: pa.Table) -> list[Mapping[str, int]]:
    """Of each query, grades by document."""
    columns = (table.column(name).to_pylist() for name in ("relevant", "grades"))
    return [dict(zip(ids, grades, strict=True)) for ids, grades in zip(*columns, strict=True)]
