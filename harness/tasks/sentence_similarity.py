"""Similarity of sentences: two texts in, how alike they are out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from harness.examples.records import Example, ScoredPair
from harness.tasks.embedding import EmbeddingTask
from harness.tasks.features import Features
from harness.tasks.scored_pairs import PREDICTED_SCORE, ScoredPairsTask

if TYPE_CHECKING:
    from harness.config.data import DataSource
    from harness.data.arrow import pa

ALIKE, UNLIKE = "alike", "unlike"


class SentenceSimilarityTask(ScoredPairsTask, EmbeddingTask):
    """The score is the product of the two embeddings; the sides are those of `pair_scores.alike`."""

    name = "sentence-similarity"

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_plain_texts, read_scored_pairs

        return read_scored_pairs(source, role) if role == "evaluation" else read_plain_texts(source, role)

    def table(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> pa.Table:
        """Of pairs also: score, and predicted_score, the product of the two embeddings."""
        from benchmarks.statistics.search import TIE
        from harness.data.arrow import pa

        table = super().table(examples, features, outputs)
        if not any(isinstance(example, ScoredPair) for example in examples):
            return table
        vectors = outputs["representation"]
        similarities = [round(float(np.dot(vectors[at], vectors[at + 1])), TIE) for at in features.first]
        scores = [cast("ScoredPair", example).score for example in examples]
        return table.append_column("score", pa.array(scores, pa.float64())).append_column(
            PREDICTED_SCORE, pa.array(similarities, pa.float64())
        )

    def judged(self, table: pa.Table, corpus: pa.Table | None) -> pa.Table:
        """With the columns prediction and correct: how many pairs are alike is known of all of them only."""
        if PREDICTED_SCORE not in table.column_names:
            return table
        from benchmarks.characteristics.pair_scores import alike, found_alike
        from harness.data.arrow import pa
        from harness.tasks.columns import numbers

        gold = alike(numbers(table, "score"))
        is_alike = found_alike(numbers(table, PREDICTED_SCORE), int(gold.sum()))
        predictions = pa.array(np.where(is_alike, ALIKE, UNLIKE).tolist(), pa.string())
        return table.append_column("prediction", predictions).append_column("correct", pa.array(is_alike == gold))
