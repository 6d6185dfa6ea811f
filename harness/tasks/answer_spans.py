"""Places of an answer in a feature of extractive question answering."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.examples.records import QuestionExample


def answer_spans(
    examples: Sequence[QuestionExample],
    owners: NDArray[np.int64],
    offsets: Sequence[NDArray[np.int32]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last token of each feature's answer, both inclusive; shape (features,).

    ``owners`` is the index of each feature's example; ``offsets`` are its tokens' character offsets
    into the context, shape (tokens, 2), -1 outside of it. An unanswerable question, and a window of
    the context that does not hold the whole answer, point at position 0 ([CLS]), as in the BERT paper
    (Devlin et al. 2019, section 4.3). Of several gold answers the first one is taken.
    """
    starts = np.zeros(len(offsets), dtype=np.int64)
    ends = np.zeros(len(offsets), dtype=np.int64)
    for feature, (owner, spans) in enumerate(zip(owners, offsets, strict=True)):
        example = examples[owner]
        if not example.answerable:
            continue
        first = example.answer_starts[0]
        last = first + len(example.answers[0]) - 1
        inside = spans[:, 0] >= 0
        begins = np.flatnonzero(inside & (spans[:, 0] <= first) & (first < spans[:, 1]))
        finishes = np.flatnonzero(inside & (spans[:, 0] <= last) & (last < spans[:, 1]))
        if begins.size and finishes.size:
            starts[feature], ends[feature] = begins[0], finishes[-1]
    return starts, ends
