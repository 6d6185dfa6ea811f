"""Heads with one output: what the tasks share whose models say one number about a pair of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from harness.errors import UserError
from harness.examples.records import Example, ScoredPair
from harness.tasks.features import Features
from harness.tasks.sequence import SequenceTask
from harness.tasks.task import OF_QUESTIONS
from harness.tasks.text_pair_classification import pair_probes

if TYPE_CHECKING:
    from harness.config.data import DataSource
    from harness.config.tasks import TaskSettings


class OneOutputTask(SequenceTask):
    """Its models learn the scores of pairs as they stand in the data."""

    confident = False
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
