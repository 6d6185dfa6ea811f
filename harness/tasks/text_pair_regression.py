"""Regression on pairs: two texts in, one score out, as of a cross-encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from exporters.activation import Activation
from harness.errors import UserError
from harness.examples import Example, ScoredPair
from harness.tasks.features import Features
from harness.tasks.scored_pairs import PREDICTED_SCORE, ScoredPairsTask
from harness.tasks.sequence import SequenceTask
from harness.tasks.task import OF_QUESTIONS
from harness.tasks.text_pair_classification import pair_probes

if TYPE_CHECKING:
    from harness.arrow import pa
    from harness.config.data import DataSource
    from harness.config.tasks import TaskSettings

HIGH, LOW = "high", "low"


class TextPairRegressionTask(ScoredPairsTask, SequenceTask):
    """The score is the head's one output behind the checkpoint's activation; high where it reaches the threshold."""

    name = "text-pair-regression"
    score = ("correct", "right side")
    thresholded = True
    activation: Activation = "identity"
    left_out: ClassVar[Mapping[str, str]] = {
        "calibration": "a score is no probability of being right",
        "adversarial_attack": "the attack asks for probabilities of classes, and a score is none",
        "explanation": "a word's weight is that on the probability of a class, and a score is none",
    }

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        cls.refuse(place, settings, {"labels": "there are no classes", "question_answering": OF_QUESTIONS})
        for name, model in settings.models.items():
            if model.training is not None and model.training.distillation is not None:
                raise UserError(
                    f"{place}.models.{name}.training.distillation: soft labels are probabilities of classes, and "
                    f"{cls.name} has none; remove it"
                )
        if settings.threshold is None:
            raise UserError(
                f"{place}.threshold: is missing; give the score from which on a pair is high, on the scale of the "
                "data: {data: 3, prediction: 0.6} where the model's scale is another"
            )

    @staticmethod
    def output_names(settings: TaskSettings) -> tuple[str, ...]:
        return ("score",)

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_scored_pairs

        return read_scored_pairs(source, role)

    def probes(self, probe: str, odd: str) -> list[Example]:
        return [
            ScoredPair(f"made up: {name}", "", first, second, 0.0)
            for name, (first, second) in pair_probes(odd, self.max_length).items()
        ]

    def targets(self, examples: Sequence[Example], features: Features) -> Mapping[str, Sequence[float]]:
        return {"labels": [cast("ScoredPair", example).score for example in examples]}

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
        from harness.arrow import pa

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
