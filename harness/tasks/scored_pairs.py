"""Pairs of texts with a score: what the tasks share that give pairs a score of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.examples.records import Example, ScoredPair
from harness.tasks.task import Task, mean

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.data.arrow import pa

PREDICTED_SCORE = "predicted_score"
"""The column of the score that a deployment gives, beside ``score``, which is that of the data."""


class ScoredPairsTask(Task):
    """A pair is an error where a deployment puts it on the other side of a threshold than the data do."""

    unit = "pair"
    score_name = "right side"
    figures: ClassVar[Mapping[str, str]] = {"spearman": "Spear\u00ad\nman"}
    main_figure = "spearman"
    policy_figures = ("spearman-change",)
    gold = ("score", "correct")
    correct = "correct"
    confident = False

    @staticmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        from benchmarks.statistics.ranking import spearman
        from harness.tasks.columns import numbers

        return {
            "accuracy": mean(numbers(table, "correct")),
            "spearman": spearman(numbers(table, "score"), numbers(table, PREDICTED_SCORE)),
        }

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        from benchmarks.characteristics.attributes import of_pairs

        pairs = cast("Sequence[ScoredPair]", examples)
        texts = [(pair.text, pair.text_pair) for pair in pairs]
        return {**of_pairs(texts, None, confidence), "score": np.array([pair.score for pair in pairs])}
