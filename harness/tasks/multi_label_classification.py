"""Multi-label classification: a text in, any number of labels out, each behind a sigmoid of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from exporters.tasks import MULTI_LABEL_CLASSIFICATION
from harness.errors import UserError
from harness.examples.records import Example, LabelledText, label_set
from harness.tasks.features import Features
from harness.tasks.sequence import SequenceTask
from harness.tasks.task import OF_QUESTIONS, mean

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.config.data import DataSource
    from harness.config.tasks import TaskSettings
    from harness.data.arrow import pa

THRESHOLD = 0.5


class MultiLabelClassificationTask(SequenceTask):
    """A text has the labels whose probability reaches the threshold; it is right where these are all of its own, and
    no other."""

    name = "multi-label-classification"
    head = MULTI_LABEL_CLASSIFICATION
    unit = "text"
    score_name = "exact match"
    figures: ClassVar[Mapping[str, str]] = {"label_f1": "micro\nF1"}
    main_figure = "label_f1"
    policy_figures = ("label-f1-change", "labels-shared")
    gold = ("labels", "correct")
    correct = "correct"
    verified_score = ("correct", "exact match")
    thresholded = True
    left_out: ClassVar[Mapping[str, str]] = {
        "adversarial_attack": "the attack turns one decision about a text, and here every label has one",
        "explanation": "a word's weight is that on one decision about a text, and here every label has one",
    }

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        cls.refuse(place, settings, {"question_answering": OF_QUESTIONS})
        labels = settings.labels or ()
        if len(labels) < 2 or len(set(labels)) != len(labels):
            raise UserError(
                f"{place}.labels: needs two or more different names, got {', '.join(labels) or 'none'}; whether a text "
                "has one label or not is for text-classification"
            )
        if any(", " in label for label in labels):
            raise UserError(f"{place}.labels: a name holds a comma and a blank, which stand between labels; rename it")
        threshold = settings.threshold
        if threshold is not None and not (threshold.data == threshold.prediction and 0 < threshold.prediction < 1):
            raise UserError(f"{place}.threshold: is a probability here, a number between 0 and 1, such as {THRESHOLD}")
        for name, model in settings.models.items():
            if model.training is not None and model.training.distillation is not None:
                raise UserError(
                    f"{place}.models.{name}.training.distillation: soft labels are probabilities of classes of which "
                    "one is right; remove it"
                )

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_label_sets

        return read_label_sets(source, labels, role)

    def probes(self, probe: str, odd: str) -> list[Example]:
        texts = {"odd": odd, "too long": odd * (1 + self.max_length // 8)}
        return [LabelledText(f"made up: {name}", "", text, ()) for name, text in texts.items()]

    def targets(self, examples: Sequence[Example], features: Features) -> Mapping[str, Sequence[NDArray[np.float32]]]:
        """1 for each label that a text has, and 0 for the others: the loss is binary cross-entropy."""
        numbers = np.arange(len(self.labels))
        return {
            "labels": [
                np.isin(numbers, cast("LabelledText", example).labels).astype(np.float32) for example in examples
            ]
        }

    def table(
        self,
        examples: Sequence[Example],
        features: Features,
        outputs: Mapping[str, Sequence[NDArray[np.float32]]],
    ) -> pa.Table:
        """Columns: id, group, labels, predicted_labels, prediction, correct, logits, tokens, representation."""
        from harness.data.arrow import pa

        given = [tuple(np.flatnonzero(self._decided(row)).tolist()) for row in outputs["logits"]]
        gold = [cast("LabelledText", example).labels for example in examples]
        decoded = {
            "labels": pa.array(gold, pa.list_(pa.int64())),
            "predicted_labels": pa.array(given, pa.list_(pa.int64())),
            "prediction": pa.array([label_set(own, self.labels) for own in given], pa.string()),
            # Where outputs lack examples, `_table` says so.
            "correct": pa.array([a == b for a, b in zip(gold, given, strict=False)], pa.bool_()),
        }
        return self._table(examples, features, outputs, **decoded)

    def _decided(self, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(labels,) which reach the threshold."""
        least = THRESHOLD if self.threshold is None else self.threshold.prediction
        return np.asarray(logits.astype(np.float64) >= np.log(least / (1 - least)))

    def confidence(self, examples: Sequence[Example], features: Features, table: pa.Table) -> NDArray[np.float64]:
        """The probability of all decisions on a text, of labels that are independent given it: their product."""
        from scipy.special import log_expit

        probabilities = np.empty(len(examples))
        for place, row in enumerate(table["logits"].to_pylist()):
            logits = np.asarray(row, np.float32)
            signs = np.where(self._decided(logits), 1.0, -1.0)
            probabilities[place] = np.exp(log_expit(signs * logits).sum())
        return probabilities

    @classmethod
    def logits(cls, table: pa.Table) -> list[NDArray[np.float64]]:
        """(labels, 2) by text: without the label, and with it."""
        from harness.tasks.columns import matrix

        rows = matrix(table, "logits").astype(np.float64)
        return list(np.stack([np.zeros_like(rows), rows], axis=2))

    @staticmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        from harness.tasks.columns import numbers

        columns = [table.column(name).to_pylist() for name in ("labels", "predicted_labels")]
        right = sum(len(set(gold) & set(given)) for gold, given in zip(*columns, strict=True))
        every = sum(len(own) for column in columns for own in column)
        return {"accuracy": mean(numbers(table, "correct")), "label_f1": 2 * right / every if every else None}

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        from benchmarks.characteristics.attributes import of_texts

        texts = cast("Sequence[LabelledText]", examples)
        classes = ["several" if len(text.labels) > 1 else text.gold(labels)[0] for text in texts]
        counts = np.array([len(text.labels) for text in texts])
        return {**of_texts([text.text for text in texts], classes, confidence), "labels": counts}
