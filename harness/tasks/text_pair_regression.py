"""Regression on pairs: two texts in, one score out, as of a cross-encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from exporters.tasks import Activation
from harness.errors import UserError
from harness.examples.records import Example, ScoredPair
from harness.tasks.features import Features
from harness.tasks.one_output import OneOutputTask
from harness.tasks.scored_pairs import PREDICTED_SCORE, ScoredPairsTask

if TYPE_CHECKING:
    from harness.config.tasks import TaskSettings
    from harness.data.arrow import pa

HIGH, LOW = "high", "low"


class TextPairRegressionTask(ScoredPairsTask, OneOutputTask):
    """The score is the head's one output behind the checkpoint's activation; high where it reaches the threshold."""

    name = "text-pair-regression"
    verified_score = ("correct", "right side")
    thresholded = True
    activation: Activation = "identity"

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        super().check_settings(place, settings)
        if settings.threshold is None:
            raise UserError(
                f"{place}.threshold: is missing; give the score from which on a pair is high, on the scale of the "
                "data: {data: 3, prediction: 0.6} where the model's scale is another"
            )

    def activated(self, activation: Activation | None) -> TextPairRegressionTask:
        other = copy(self)
        other.activation = activation or "identity"
        return other

    def table(
        self,
        examples: Sequence[Example],
        features: Features,
        outputs: Mapping[str, Sequence[NDArray[np.float32]]],
    ) -> pa.Table:
        """Columns: id, group, score, predicted_score, prediction, correct, logits, tokens, representation."""
        from harness.data.arrow import pa

        assert self.threshold is not None  # check_settings has seen to it
        scores = np.fromiter((cast("ScoredPair", example).score for example in examples), np.float64, len(examples))
        logits = np.fromiter((row[0] for row in outputs["logits"]), np.float64, len(examples))
        given = 1 / (1 + np.exp(-logits)) if self.activation == "sigmoid" else logits
        high = given >= self.threshold.prediction
        decoded = {
            "score": scores,
            PREDICTED_SCORE: given,
            "prediction": pa.array(np.where(high, HIGH, LOW).tolist(), pa.string()),
            "correct": high == (scores >= self.threshold.data),
        }
        return self._table(examples, features, outputs, **decoded)
