"""Retrieval: a query in, a ranking of the documents of a corpus out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.errors import REFUSED, StepFailed, UserError
from harness.examples.records import Example, Query
from harness.tasks.embedding import EmbeddingTask
from harness.tasks.features import Features
from harness.tasks.task import ModelInput, mean

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.config.characteristics import Target
    from harness.config.data import DataSource
    from harness.config.tasks import TaskSettings
    from harness.data.arrow import pa

NOTHING = "nothing relevant"
"""The prediction of a query whose first ten documents hold none that is."""


@dataclass(frozen=True)
class DocumentIndex:
    """Documents as a deployment embedded them."""

    numbers: Mapping[str, int]
    """Rows of ``documents`` by id."""
    documents: NDArray[np.float32]
    """(documents, dimensions)"""


class RetrievalTask(EmbeddingTask):
    """What a query finds is the first relevant document of its ten nearest; one that finds none is an error."""

    name = "retrieval"
    unit = "query"
    score_name = "found in 10"
    figures: ClassVar[Mapping[str, str]] = {"ndcg": "nDCG@10", "recall": "recall\n@100", "reciprocal_rank": "MRR"}
    main_figure = "ndcg"
    policy_figures = ("ndcg-change", "first-ten", "index-change")
    gold = ("relevant", "grades", "correct")
    attack_targets: ClassVar[tuple[Target, ...]] = ("text",)
    attack_success = "Query {id} finds nothing relevant on {on}"
    left_out: ClassVar[Mapping[str, str]] = {
        name: reason for name, reason in EmbeddingTask.left_out.items() if name != "adversarial_attack"
    }
    index: DocumentIndex | None = None
    """Of the documents, where queries are attacked: see `searching`."""

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        super().check_settings(place, settings)
        attack = settings.characteristics.attack
        if attack is not None and (attack.recipe is not None or attack.mode == "reference"):
            option, whose = (
                ("mode", "the authors' code") if attack.recipe is None else ("recipe", "TextAttack's recipe")
            )
            raise UserError(f"{place}.characteristics.attack.{option}: {whose} attacks classes of texts; remove it")
        if settings.data.corpus is None:
            raise UserError(f"{place}.data.corpus: is missing; name the documents, corpus: {{corpus: corpus.jsonl}}")

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import OTHER, read_plain_texts, read_queries

        if role == OTHER:  # held against the evaluation's: what nobody of its users would look for
            return [Query(text.id, text.group, text.text, (), ()) for text in read_plain_texts(source, role)]
        queries = role == "evaluation" or role.startswith("attack-")
        return read_queries(source, role) if queries else read_plain_texts(source, role)

    def table(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> pa.Table:
        """Of queries also: relevant, the ids of documents, and their grades."""
        from harness.data.arrow import pa

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
        from harness.data.arrow import pa
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
        scores = judge_rankings(rankings, relevant)
        first = [
            next((document for document in ranking[:TOP] if document in grades), NOTHING)
            for ranking, grades in zip(rankings, relevant, strict=True)
        ]
        for name, column in {
            "ranking": pa.array(rankings, pa.list_(pa.string())),
            "ndcg": pa.array(scores.ndcg),
            "recall": pa.array(scores.recall),
            "reciprocal_rank": pa.array(scores.reciprocal_rank),
            "prediction": pa.array(first, pa.string()),
            "correct": pa.array([one != NOTHING for one in first]),
        }.items():
            table = table.append_column(name, column)
        return table

    def searching(self, corpus: pa.Table) -> RetrievalTask:
        from harness.tasks.columns import matrix, strings

        other = copy(self)
        ids = strings(corpus, "id").tolist()
        other.index = DocumentIndex({id_: number for number, id_ in enumerate(ids)}, matrix(corpus, "representation"))
        return other

    def as_examples(self, inputs: Sequence[ModelInput]) -> Sequence[Example]:
        return [cast("Query", query) for query in inputs]

    def scores(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> NDArray[np.float64]:
        """(queries, 2): how far from, and how near to, a relevant document among the first ten they are."""
        from benchmarks.attack.retrieval import missed_and_found

        assert self.index is not None
        numbers = self.index.numbers
        relevant = [
            [numbers[document] for document in query.relevant if document in numbers]
            for query in cast("Sequence[Query]", examples)
        ]
        return missed_and_found(np.stack(outputs["representation"]), self.index.documents, relevant)

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
