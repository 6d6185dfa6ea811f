"""Tokenised examples, ragged: no padding, one entry a feature."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer


@dataclass(frozen=True)
class Features:
    """What the models read. A long context makes several features of one example.

    ``inputs`` maps ``input_ids``, ``attention_mask`` and ``token_type_ids`` to one int64 array of shape
    (tokens,) a feature. ``example`` (features,) is the index of each feature's example, ascending; every
    example has at least one feature. ``offsets``, of question answering only, holds one int32 array of
    shape (tokens, 2) a feature: the characters of the context that a token covers, as [start, end), and
    -1 for tokens outside the context.
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


_SURROGATE = re.compile("[\ud800-\udfff]")

_CHUNK = 1_000
"""Texts tokenised at once: an `Encoding` takes some 100 bytes a token, a large data set gigabytes."""


def encode_in_chunks(tokenizer: Tokenizer, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Iterator[Encoding]:
    """One encoding a text, or pair of texts, in their order."""
    for begin in range(0, len(texts), _CHUNK):
        yield from tokenizer.encode_batch([_encodable(text) for text in texts[begin : begin + _CHUNK]])


def _encodable(text: str | tuple[str, str]) -> str | tuple[str, str]:
    """Lone surrogates have no bytes; a stand-in of one character each keeps every offset."""
    if isinstance(text, tuple):
        return _SURROGATE.sub("\ufffd", text[0]), _SURROGATE.sub("\ufffd", text[1])
    return _SURROGATE.sub("\ufffd", text)


def collect_inputs(encodings: Iterable[Encoding]) -> dict[str, list[NDArray[np.int64]]]:
    """The models' inputs, by their names in the exported graphs."""
    inputs: dict[str, list[NDArray[np.int64]]] = {"input_ids": [], "attention_mask": [], "token_type_ids": []}
    for encoding in encodings:
        inputs["input_ids"].append(np.asarray(encoding.ids, np.int64))
        inputs["attention_mask"].append(np.asarray(encoding.attention_mask, np.int64))
        inputs["token_type_ids"].append(np.asarray(encoding.type_ids, np.int64))
    return inputs


@contextmanager
def truncated(tokenizer: Tokenizer, max_length: int, *, stride: int, strategy: str) -> Iterator[Tokenizer]:
    """The tokenizer, truncating in this way and never padding; its own settings come back afterwards."""
    truncation, padding = tokenizer.truncation, tokenizer.padding
    tokenizer.enable_truncation(max_length, stride=stride, strategy=strategy)
    tokenizer.no_padding()
    try:
        yield tokenizer
    finally:
        tokenizer.no_truncation()
        if truncation:
            tokenizer.enable_truncation(**truncation)
        if padding:
            tokenizer.enable_padding(**padding)
