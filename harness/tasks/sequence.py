"""Sequences: what the tasks share whose models say one row of logits about a text, or about a pair of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.words import without_surrogates
from exporters.tasks import TEXT_CLASSIFICATION
from harness.examples.records import Example
from harness.tasks.features import Features, collect_inputs, encode_in_chunks, truncated
from harness.tasks.task import ReferenceInputs, Task, arrays

if TYPE_CHECKING:
    from harness.data.arrow import pa
    from harness.tasks.fast_tokenizer import FastTokenizer


class SequenceTask(Task):
    """Texts longer than ``max_length`` tokens, special tokens counted, lose the end that the tokenizer says.

    Of a pair that is too long the longer text loses it, token by token, until both are of one length
    (``longest_first``).
    """

    head = TEXT_CLASSIFICATION
    script = "run_glue.py"
    length_setting = "max_length"

    @property
    def max_tokens(self) -> int:
        return self.max_length

    def with_max_tokens(self, tokens: int) -> Self:
        other = copy(self)
        other.max_length = tokens
        return other

    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features:
        """One feature an example."""
        texts: Any = [tuple(example.parts.values()) for example in examples]
        if all(len(parts) == 1 for parts in texts):
            texts = [text for (text,) in texts]
        backend, side = tokenizer.backend, tokenizer.truncation_side
        with truncated(backend, self.max_length, stride=0, strategy="longest_first", side=side):
            inputs = collect_inputs(encode_in_chunks(backend, texts, offsets=False), token_types=tokenizer.token_types)
        return Features(inputs, np.arange(len(examples), dtype=np.int64))

    def reference_inputs(self, tokenizer: Any, examples: Sequence[Example], features: Features) -> ReferenceInputs:
        """As ``preprocess_function`` of run_glue.py: the first texts, and where there are pairs the second ones."""
        columns = zip(*(map(without_surrogates, example.parts.values()) for example in examples), strict=True)
        encoded = tokenizer(*map(list, columns), padding="max_length", max_length=self.max_length, truncation=True)
        return ReferenceInputs(arrays(encoded), list(range(len(examples))), None)

    def _table(
        self,
        examples: Sequence[Example],
        features: Features,
        outputs: Mapping[str, Sequence[NDArray[np.float32]]],
        **decoded: Any,
    ) -> pa.Table:
        """Columns: id, group, those that are ``decoded``, logits, tokens and, where ``outputs`` has it, representation.

        ``outputs`` holds ``logits`` (labels,) and ``representation`` (hidden,) for every example.
        """
        from harness.data.arrow import pa
        from harness.tasks.columns import float_lists

        logits = outputs["logits"]
        if not len(examples) == len(features) == len(logits) == len(outputs.get("representation", examples)):
            raise ValueError(f"{len(examples)} examples, {len(features)} features and {len(logits)} logits")
        return pa.table(
            {
                "id": pa.array([example.id for example in examples], pa.string()),
                "group": pa.array([example.group for example in examples], pa.string()),
                **decoded,
                "logits": float_lists(logits),
                "tokens": features.lengths.astype(np.int32),
                **{name: float_lists(rows) for name, rows in outputs.items() if name == "representation"},
            }
        )
