"""Texts of mixed length without a data set: embedded reviews, joined and cut."""

from __future__ import annotations

from itertools import chain

import numpy as np

from harness.demo.corpora import generate
from harness.examples.records import TextExample

WORDS = (3, 160)
LONGEST = 200
"""Tokens; with [CLS] and [SEP], 3 words are 5 or more."""


def mixed_texts(count: int, *, seed: int = 0) -> list[TextExample]:
    """Texts whose lengths in words are log-normal, cut to `WORDS`: mean about 28, 95th percentile about 77."""
    rng = np.random.default_rng(seed)
    words = list(chain.from_iterable(review.text.split() for review in _reviews()))
    lengths = np.clip(np.rint(rng.lognormal(3.04, 0.807, count)), *WORDS).astype(int)
    starts = rng.integers(0, len(words) - WORDS[1], count)
    return [
        TextExample(str(index), "", " ".join(words[start : start + length]), index % 2)
        for index, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]


def _reviews() -> list[TextExample]:
    return [
        example for example in generate("text-classification", "train", 3000, 0) if isinstance(example, TextExample)
    ]
