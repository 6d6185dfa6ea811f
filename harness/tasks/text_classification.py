"""Text classification: one text in, one class out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.examples.records import Example, TextExample
from harness.tasks.features import Features
from harness.tasks.sequence import SequenceTask
from harness.tasks.task import ModelInput, mean

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.config.characteristics import Target
    from harness.config.data import DataSource
    from harness.config.tasks import TaskSettings
    from harness.data.arrow import pa


class TextClassificationTask(SequenceTask):
    name = "text-classification"
    unit = "text"
    gold = ("label", "correct")
    correct = "correct"
    verified_score = ("correct", "accuracy")
    attack_targets: ClassVar[tuple[Target, ...]] = ("text",)

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        labels = settings.labels
        if labels is None or len(labels) < 2 or len(set(labels)) != len(labels):
            raise UserError(
                f"{place}.labels: needs two or more different class names, got {labels}; a head of one output (a "
                "regression, one sigmoid) is for text-pair-regression"
            )
        if settings.question_answering is not None:
            raise UserError(f"{place}.question_answering: belongs to the task question-answering; remove it")

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_texts

        return read_texts(source, labels, role)

    def probes(self, probe: str, odd: str) -> list[Example]:
        texts = {"odd": odd, "too long": odd * (1 + self.max_length // 8)}
        return [TextExample(f"made up: {name}", "", text, 0) for name, text in texts.items()]

    def targets(self, examples: Sequence[Example], features: Features) -> Mapping[str, Sequence[float]]:
        return {"labels": [cast("TextExample", example).label for example in examples]}

    def table(
        self,
        examples: Sequence[Example],
        features: Features,
        outputs: Mapping[str, Sequence[NDArray[np.float32]]],
    ) -> pa.Table:
        """Columns: id, group, label, prediction, correct, logits, tokens, representation."""
        labels = np.fromiter((cast("TextExample", example).label for example in examples), np.int64, len(examples))
        predictions = np.fromiter(map(np.argmax, outputs["logits"]), np.int64)
        # Where outputs lack examples, `_table` says so.
        decoded = {"label": labels, "prediction": predictions, "correct": predictions == labels[: len(predictions)]}
        return self._table(examples, features, outputs, **decoded)

    def confidence(self, examples: Sequence[Example], features: Features, table: pa.Table) -> NDArray[np.float64]:
        """The largest softmax probability (Hendrycks and Gimpel 2017)."""
        rows = (np.asarray(row, np.float32) for row in table["logits"].to_pylist())
        return np.fromiter(map(_largest_probability, rows), np.float64, len(examples))

    def as_examples(self, inputs: Sequence[ModelInput]) -> Sequence[Example]:
        return [
            TextExample(str(index), "", one, 0) if isinstance(one, str) else one for index, one in enumerate(inputs)
        ]

    def scores(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> NDArray[np.float64]:
        """(texts, labels) probabilities."""
        from scipy.special import softmax  # here: every deployment's process would pay for its import

        return np.asarray(softmax(np.stack(outputs["logits"]).astype(np.float64), axis=1))

    @staticmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        from harness.tasks.columns import numbers

        return {"accuracy": mean(numbers(table, "correct"))}

    @staticmethod
    def predictions(table: pa.Table) -> NDArray[Any]:
        from harness.tasks.columns import numbers

        return numbers(table, "prediction")

    @staticmethod
    def prediction_texts(table: pa.Table, labels: Sequence[str]) -> NDArray[np.str_]:
        from harness.tasks.columns import numbers

        predicted = numbers(table, "prediction")
        return np.asarray(labels)[predicted] if labels else predicted.astype(np.str_)

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        from benchmarks.characteristics.attributes import of_texts

        texts = cast("Sequence[TextExample]", examples)
        classes = [labels[text.label] if labels else str(text.label) for text in texts]
        return of_texts([text.text for text in texts], classes, confidence)

    @staticmethod
    def classes(table: pa.Table, labels: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
        from harness.tasks.columns import numbers

        true = numbers(table, "label")
        return {labels[label] if labels else str(label): true == label for label in sorted(set(true.tolist()))}

    @staticmethod
    def brier_scores(table: pa.Table) -> NDArray[np.float64]:
        from scipy.special import softmax

        from benchmarks.characteristics.calibration import brier_scores
        from harness.tasks.columns import matrix, numbers

        probabilities = softmax(matrix(table, "logits").astype(np.float64), axis=1)
        return brier_scores(probabilities, numbers(table, "label"))


def _largest_probability(logits: NDArray[np.float32]) -> float:
    """Of the softmax of (labels,)."""
    return float(1 / np.exp(logits.astype(np.float64) - float(logits.max())).sum())
