"""Embeddings of texts: what the tasks share whose models have no head, and say a vector of every text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.words import without_surrogates
from exporters.embedding import Embedding, read_embedding
from exporters.tasks import EMBEDDING
from harness.errors import UserError
from harness.examples.records import Example, PlainText, Query
from harness.tasks.features import Features, collect_inputs, encode_in_chunks, truncated
from harness.tasks.task import OF_QUESTIONS, ReferenceInputs, Task, arrays

if TYPE_CHECKING:
    from harness.config.tasks import TaskSettings
    from harness.config.training import Training
    from harness.data.arrow import pa
    from harness.tasks.fast_tokenizer import FastTokenizer


class EmbeddingTask(Task):
    """A text is a feature, behind the prompt that the checkpoint has for its kind.

    It loses its end behind ``max_length`` tokens, or behind those that the checkpoint was made for where these are
    fewer. The embedding is the representation: pooled, and normalised where the checkpoint says so.
    """

    head = EMBEDDING
    script = "FeatureExtractionPipeline"
    other_unit = "text"
    correct = "correct"
    verified_score = None
    length_setting = "max_length"
    confident = False
    left_out: ClassVar[Mapping[str, str]] = {
        "calibration": "a similarity is no probability of being right",
        "adversarial_attack": "the attack asks for probabilities of classes, and an embedding has none",
        "explanation": "a word's weight is that on the probability of a class, and an embedding has none",
    }

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        cls.refuse(place, settings, {"labels": "there are no classes", "question_answering": OF_QUESTIONS})
        for name, model in settings.models.items():
            _check_training(f"{place}.models.{name}.training", model.training)
            if model.artifact is not None and model.artifact.representation == "none":
                raise UserError(
                    f"{place}.models.{name}.artifact.representation: is none, and of {cls.name} it is all there is; "
                    "name the output, or the tensor, that is to be pooled"
                )

    @property
    def max_tokens(self) -> int:
        return self.max_length

    def with_max_tokens(self, tokens: int) -> Task:
        return type(self)(max_length=tokens)

    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features:
        """One feature a text: a pair has two."""
        texts = [(index, text) for index, example in enumerate(examples) for text in example.parts.values()]
        prompts = [tokenizer.prompts.get(_kind(examples[index]), "") for index, _ in texts]
        backend, side = tokenizer.backend, tokenizer.truncation_side
        longest = min(self.max_length, tokenizer.max_tokens or self.max_length)
        with truncated(backend, longest, stride=0, strategy="longest_first", side=side):
            prompted = [prompt + text for prompt, (_, text) in zip(prompts, texts, strict=True)]
            inputs = collect_inputs(
                encode_in_chunks(backend, prompted, offsets=False), token_types=tokenizer.token_types
            )
        return Features(inputs, np.array([index for index, _ in texts], np.int64))

    def probes(self, probe: str, odd: str) -> list[Example]:
        texts = {"odd": odd, "too long": odd * (1 + self.max_length // 8)}
        return [PlainText(f"made up: {name}", "", text) for name, text in texts.items()]

    def reference_inputs(self, tokenizer: Any, examples: Sequence[Example], features: Features) -> ReferenceInputs:
        """As a pipeline of `transformers` makes them of prompted texts, which sentence-transformers would give it."""
        embedding = read_embedding(Path(tokenizer.name_or_path)) or Embedding()
        longest = min(self.max_length, embedding.max_tokens or self.max_length)
        texts = [
            (index, without_surrogates(embedding.prompts.get(_kind(example), "") + text))
            for index, example in enumerate(examples)
            for text in example.parts.values()
        ]
        encoded = tokenizer([text for _, text in texts], padding="max_length", max_length=longest, truncation=True)
        return ReferenceInputs(arrays(encoded), [index for index, _ in texts], None)

    def targets(self, examples: Sequence[Example], features: Features) -> Mapping[str, Sequence[float]]:
        """None: what is learned is the reference's embedding."""
        return {}

    def table(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> pa.Table:
        """Columns: id, group, tokens and representation, which is that of an example's first text."""
        from harness.data.arrow import pa
        from harness.tasks.columns import float_lists

        vectors = outputs["representation"]
        if len(vectors) != len(features):
            raise ValueError(f"{len(features)} features and {len(vectors)} representations")
        tokens = np.bincount(features.example, weights=features.lengths, minlength=len(examples))
        return pa.table(
            {
                "id": pa.array([example.id for example in examples], pa.string()),
                "group": pa.array([example.group for example in examples], pa.string()),
                "tokens": tokens.astype(np.int32),
                "representation": float_lists([vectors[index] for index in features.first]),
            }
        )


def _kind(example: Example) -> str:
    """Of the prompt before its texts."""
    if isinstance(example, Query):
        return "query"
    return "document" if isinstance(example, PlainText) else ""


def _check_training(place: str, training: Training | None) -> None:
    if training is None:
        return
    if training.distillation is None:
        raise UserError(
            f"{place}: embeddings have no labels to be trained on; learn from the reference's with distillation: {{}}, "
            "or remove it"
        )
    for name in ("temperature", "alpha"):
        if name in training.distillation.model_fields_set:
            raise UserError(f"{place}.distillation.{name}: is of soft labels, and embeddings have none; remove it")
