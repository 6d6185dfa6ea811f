"""Similarity of sentences: two texts in, how alike they are out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.examples import Example, ScoredPair
from harness.tasks.embedding import EmbeddingTask
from harness.tasks.features import Features
from harness.tasks.task import mean

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.arrow import pa
    from harness.config.data import DataSource

ALIKE, UNLIKE = "alike", "unlike"


class SentenceSimilarityTask(EmbeddingTask):
    """A pair is an error where a deployment puts it on the other side than the data do: see `similarity.alike`."""

    name = "sentence-similarity"
    unit = "pair"
    right = "right side"
    figures: ClassVar[Mapping[str, str]] = {"spearman": "Spear-\nman"}
    gold = ("score", "correct")

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_plain_texts, read_scored_pairs

        return read_scored_pairs(source, role) if role == "evaluation" else read_plain_texts(source, role)

    def table(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> pa.Table:
        """Of pairs also: score, and similarity, the product of the two embeddings."""
        from benchmarks.statistics.search import TIE
        from harness.arrow import pa

        table = super().table(examples, features, outputs)
        if not any(isinstance(example, ScoredPair) for example in examples):
            return table
        vectors = outputs["representation"]
        similarities = [round(float(np.dot(vectors[at], vectors[at + 1])), TIE) for at in features.first]
        scores = [cast("ScoredPair", example).score for example in examples]
        return table.append_column("score", pa.array(scores, pa.float64())).append_column(
            "similarity", pa.array(similarities, pa.float64())
        )

    def judged(self, table: pa.Table, corpus: pa.Table | None) -> pa.Table:
        """With the columns prediction and correct: how many pairs are alike is known of all of them only."""
        if "similarity" not in table.column_names:
            return table
        from benchmarks.characteristics.similarity import alike, found_alike
        from harness.arrow import pa
        from harness.tasks.columns import numbers

        gold = alike(numbers(table, "score"))
        found = found_alike(numbers(table, "similarity"), int(gold.sum()))
        predictions = pa.array(np.where(found, ALIKE, UNLIKE).tolist(), pa.string())
        return table.append_column("prediction", predictions).append_column("correct", pa.array(found == gold))

    @staticmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        from benchmarks.statistics.ranking import spearman
        from harness.tasks.columns import numbers

        return {
            "accuracy": mean(numbers(table, "correct")),
            "spearman": spearman(numbers(table, "score"), numbers(table, "similarity")),
        }

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        from benchmarks.characteristics.attributes import of_texts

        pairs = cast("Sequence[ScoredPair]", examples)
        texts = [f"{pair.text} {pair.text_pair}" for pair in pairs]
        scores = np.array([pair.score for pair in pairs])
        return {**of_texts(texts, None, confidence), "score": scores}
