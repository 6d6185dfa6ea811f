"""Text classification: one text in, one class out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from exporters.tasks import TEXT_CLASSIFICATION
from harness.errors import UserError
from harness.examples import Example, TextExample
from harness.tasks.features import Features, collect_inputs, encodable, encode_in_chunks, truncated
from harness.tasks.task import ModelInput, ReferenceInputs, Task, arrays, mean

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.arrow import pa
    from harness.config.data import DataSource
    from harness.config.tasks import QuestionAnswering, TaskSettings
    from harness.tasks.fast_tokenizer import FastTokenizer


class TextClassificationTask(Task):
    """Texts longer than ``max_length`` tokens, special tokens counted, lose the end that the tokenizer says."""

    name = "text-classification"
    head = TEXT_CLASSIFICATION
    unit = "text"
    script = "run_glue.py"
    gold = ("label", "correct")
    correct = "correct"
    score = ("correct", "accuracy")
    length_setting = "max_length"

    def __init__(
        self,
        *,
        max_length: int = 512,
        question_answering: QuestionAnswering | None = None,
        labels: tuple[str, ...] = (),
    ) -> None:
        self.max_length = max_length

    @staticmethod
    def check_settings(place: str, settings: TaskSettings) -> None:
        labels, attack = settings.labels, settings.characteristics.attack
        if labels is None or len(labels) < 2 or len(set(labels)) != len(labels):
            raise UserError(
                f"{place}.labels: needs two or more different class names, got {labels}; a head of one output (a "
                "regression, one sigmoid) is not scored here"
            )
        if settings.question_answering is not None:
            raise UserError(f"{place}.question_answering: belongs to the task question-answering; remove it")
        if attack is not None and "target" in attack.model_fields_set:
            raise UserError(
                f"{place}.characteristics.attack.target: text-classification has only its text to change; remove it"
            )

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_texts

        return read_texts(source, labels, role)

    @property
    def max_tokens(self) -> int:
        return self.max_length

    def with_max_tokens(self, tokens: int) -> Task:
        return type(self)(max_length=tokens)

    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features:
        """One feature an example."""
        texts = [cast("TextExample", example).text for example in examples]
        backend, side = tokenizer.backend, tokenizer.truncation_side
        with truncated(backend, self.max_length, stride=0, strategy="longest_first", side=side):
            encodings = encode_in_chunks(backend, texts, offsets=False)
            inputs = collect_inputs(encodings, token_types=tokenizer.token_types)
        return Features(inputs, np.arange(len(texts), dtype=np.int64))

    def probes(self, probe: str, odd: str) -> list[Example]:
        texts = {"odd": odd, "too long": odd * (1 + self.max_length // 8)}
        return [TextExample(f"made up: {name}", "", text, 0) for name, text in texts.items()]

    def reference_inputs(self, tokenizer: Any, examples: Sequence[Example], features: Features) -> ReferenceInputs:
        """As ``preprocess_function`` of run_glue.py."""
        texts = [encodable(cast("TextExample", example).text) for example in examples]
        encoded = tokenizer(texts, padding="max_length", max_length=self.max_length, truncation=True)
        return ReferenceInputs(arrays(encoded), list(range(len(texts))), None)

    def targets(self, examples: Sequence[Example], features: Features) -> dict[str, list[int]]:
        return {"labels": [cast("TextExample", example).label for example in examples]}

    def table(
        self,
        examples: Sequence[Example],
        features: Features,
        outputs: Mapping[str, Sequence[NDArray[np.float32]]],
    ) -> pa.Table:
        """Columns: id, group, label, prediction, correct, logits, tokens, representation.

        ``outputs`` holds ``logits`` (labels,) and ``representation`` (hidden,) for every example. Where it has no
        representation, neither has the table.
        """
        from harness.arrow import pa
        from harness.tasks.columns import float_lists

        texts = cast("Sequence[TextExample]", examples)
        logits = outputs["logits"]
        if not len(texts) == len(features) == len(logits) == len(outputs.get("representation", texts)):
            raise ValueError(f"{len(texts)} examples, {len(features)} features and {len(logits)} logits")
        labels = np.fromiter((text.label for text in texts), np.int64, len(texts))
        predictions = np.fromiter((np.argmax(row) for row in logits), np.int64, len(texts))
        return pa.table(
            {
                "id": pa.array([text.id for text in texts], pa.string()),
                "group": pa.array([text.group for text in texts], pa.string()),
                "label": labels,
                "prediction": predictions,
                "correct": predictions == labels,
                "logits": float_lists(logits),
                "tokens": features.lengths.astype(np.int32),
                **{name: float_lists(rows) for name, rows in outputs.items() if name == "representation"},
            }
        )

    def confidence(self, examples: Sequence[Example], features: Features, table: pa.Table) -> NDArray[np.float64]:
        """The largest softmax probability (Hendrycks and Gimpel 2017)."""
        rows = (np.asarray(row, np.float32) for row in table["logits"].to_pylist())
        return np.fromiter(map(_largest_probability, rows), np.float64, len(examples))

    def asked(self, inputs: Sequence[ModelInput]) -> Sequence[Example]:
        return [TextExample(str(index), "", cast("str", text), 0) for index, text in enumerate(inputs)]

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
