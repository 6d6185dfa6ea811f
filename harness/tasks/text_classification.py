"""Text classification: one text in, one class out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from harness.tasks.features import Features, collect_inputs, encode_in_chunks, truncated

if TYPE_CHECKING:
    from harness.arrow import pa
    from harness.examples import Example, TextExample
    from harness.tasks.fast_tokenizer import FastTokenizer


class TextClassificationTask:
    """Texts longer than ``max_length`` tokens, special tokens counted, lose the end that the tokenizer says."""

    name = "text-classification"
    per_token: frozenset[str] = frozenset()

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features:
        """One feature an example."""
        texts = [cast("TextExample", example).text for example in examples]
        backend, side = tokenizer.backend, tokenizer.truncation_side
        with truncated(backend, self.max_length, stride=0, strategy="longest_first", side=side):
            encodings = encode_in_chunks(backend, texts, offsets=False)
            inputs = collect_inputs(encodings, token_types=tokenizer.token_types)
        return Features(inputs, np.arange(len(texts), dtype=np.int64))

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
