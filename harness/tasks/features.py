"""Tokenised examples, ragged: no padding, one entry a feature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from benchmarks.attack.words import without_surrogates
from harness.tasks.fast_tokenizer import TOKEN_TYPES


@dataclass(frozen=True)
class Features:
    """What the models read. A long context makes several features of one example.

    ``inputs`` maps ``input_ids``, ``attention_mask`` and ``token_type_ids`` to one int64 array of shape
    (tokens,) a feature. ``example`` (features,) is the index of each feature's example, ascending; every
    example has at least one feature. ``offsets``, of tasks that decide about parts of an example, holds one int32
    array of shape (tokens, 2) a feature: what a token stands for, as [start, end), in characters of a question's
    context, or the word of a sentence whose first token it is; -1 for tokens that stand for nothing.
    """

    inputs: dict[str, list[NDArray[np.int64]]]
    example: NDArray[np.int64]
    offsets: list[NDArray[np.int32]] | None = None

    def __len__(self) -> int:
        return len(self.example)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each feature, shape (features,)."""
        return np.fromiter((len(ids) for ids in self.inputs["input_ids"]), np.int64, len(self))

    @property
    def first(self) -> NDArray[np.int64]:
        """Index of each example's first feature, shape (examples,)."""
        return np.flatnonzero(np.diff(self.example, prepend=-1)).astype(np.int64)


_CHUNK = 1_000
"""Texts tokenised at once: an `Encoding` takes some 100 bytes a token, a large data set gigabytes."""


def encode_in_chunks(
    tokenizer: Tokenizer,
    texts: Sequence[str] | Sequence[tuple[str, str]] | Sequence[tuple[str, ...]],
    *,
    offsets: bool,
    in_words: bool = False,
) -> Iterator[Encoding]:
    """One encoding a text, or pair of texts, in their order. Without ``offsets`` and words it takes a fifth less time.

    ``in_words``: each is the words of one text.
    """
    encode = tokenizer.encode_batch if offsets else tokenizer.encode_batch_fast
    for begin in range(0, len(texts), _CHUNK):
        chunk = texts[begin : begin + _CHUNK]
        yield from encode(
            [
                without_surrogates(text) if isinstance(text, str) else tuple(map(without_surrogates, text))
                for text in chunk
            ],
            is_pretokenized=in_words,
        )


def collect_inputs(encodings: Iterable[Encoding], *, token_types: bool) -> dict[str, list[NDArray[np.int64]]]:
    """The models' inputs, by their names in the exported graphs. The encodings are not padded.

    Without ``token_types`` all tokens are of type 0.
    """
    inputs: dict[str, list[NDArray[np.int64]]] = {"input_ids": [], "attention_mask": [], TOKEN_TYPES: []}
    for encoding in encodings:
        ids = np.asarray(encoding.ids, np.int64)
        inputs["input_ids"].append(ids)
        inputs["attention_mask"].append(np.ones(len(ids), np.int64))
        inputs[TOKEN_TYPES].append(np.asarray(encoding.type_ids, np.int64) if token_types else np.zeros_like(ids))
    return inputs


@contextmanager
def truncated(
    tokenizer: Tokenizer, max_length: int, *, stride: int, strategy: str, side: str = "right"
) -> Iterator[Tokenizer]:
    """The tokenizer, truncating in this way and never padding; its own settings come back afterwards."""
    truncation, padding = tokenizer.truncation, tokenizer.padding
    tokenizer.enable_truncation(max_length, stride=stride, strategy=strategy, direction=side)
    tokenizer.no_padding()
    try:
        yield tokenizer
    finally:
        tokenizer.no_truncation()
        if truncation:
            tokenizer.enable_truncation(**truncation)
        if padding:
            tokenizer.enable_padding(**padding)
