"""Decoding of start and end logits to answers, as the reference post-processing of SQuAD 1.1 and 2.0 does it.

The reference is ``postprocess_qa_predictions`` in transformers' ``examples/pytorch/question-answering``
with ``version_2_with_negative`` and without. Its logits are padded; here they end with the feature, so padding never
takes a place among the best. Equal logits are ranked by position, the later token first, where the
reference leaves the order to the sorting algorithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from harness.config.tasks import QuestionAnswering
    from harness.tasks.features import Features

NO_SPAN = "empty"
"""What the reference answers when no span is possible and the answer is not ""."""

_BLOCK = 1024
"""Features decoded at once: bounds memory at about 20 MB with 20 x 20 candidates each."""


@dataclass(frozen=True)
class Decoded:
    """One entry an example: the answer ("" for none), and null score minus best span (float32)."""

    texts: list[str]
    null_score_difference: NDArray[np.float32]


@dataclass(frozen=True)
class _Spans:
    """The best span of every feature, arrays of shape (features,); ``score`` is -inf without one."""

    score: NDArray[np.float32]
    start_logit: NDArray[np.float32]
    end_logit: NDArray[np.float32]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]


def decode(
    contexts: Sequence[str],
    features: Features,
    start_logits: Sequence[NDArray[np.float32]],
    end_logits: Sequence[NDArray[np.float32]],
    *,
    settings: QuestionAnswering,
) -> Decoded:
    """Answer every example from the logits (tokens,) of its features.

    A span's score is the sum of its start and end logits; the null score is the smallest sum at the
    first token over the features. The answer is "" if the null score exceeds the best span's by more
    than ``settings.null_score_diff_threshold``; never where ``settings.version_2_with_negative`` is False.
    """
    if not contexts:
        return Decoded([], np.empty(0, np.float32))
    assert features.offsets is not None
    blocks = [
        _best_spans(
            start_logits[i : i + _BLOCK],
            end_logits[i : i + _BLOCK],
            features.offsets[i : i + _BLOCK],
            n_best_size=settings.n_best_size,
            longest=settings.max_answer_length,
        )
        for i in range(0, len(features), _BLOCK)
    ]
    score, start_logit, end_logit, begin, end = (
        np.concatenate([getattr(block, field) for block in blocks])
        for field in ("score", "start_logit", "end_logit", "begin", "end")
    )
    null = np.asarray([start[0] + end[0] for start, end in zip(start_logits, end_logits, strict=True)], np.float32)
    first = features.first
    null_score = np.minimum.reduceat(null, first)
    best_score = np.maximum.reduceat(score, first)
    # Of equally good features the first wins, as it does in the reference's stable sort.
    positions = np.where(score == best_score[features.example], np.arange(len(score)), len(score))
    best = np.minimum.reduceat(positions, first)
    has_span = np.isfinite(best_score)
    best = np.where(has_span, best, first)
    difference = np.where(has_span, null_score - start_logit[best] - end_logit[best], null_score)
    exceeds = (difference > np.float32(settings.null_score_diff_threshold)) & (
        settings.version_2_with_negative is not False
    )
    texts = [
        "" if is_null else contexts[example][begin[feature] : end[feature]] if is_span else NO_SPAN
        for example, (feature, is_span, is_null) in enumerate(zip(best, has_span, exceeds, strict=True))
    ]
    return Decoded(texts, difference.astype(np.float32))


def spans_of_features(
    start_logits: Sequence[NDArray[np.float32]],
    end_logits: Sequence[NDArray[np.float32]],
    features: Features,
    settings: QuestionAnswering,
    best: int | None = None,
) -> list[list[tuple[float, int, int]]]:
    """Spans that `decode` chooses from, a list a feature: score, and the characters [begin, end) of the context.

    ``best``: only so many of the highest scores; all when left out.
    """
    assert features.offsets is not None
    spans: list[list[tuple[float, int, int]]] = []
    for i in range(0, len(features), _BLOCK):
        block = _possible_spans(
            start_logits[i : i + _BLOCK],
            end_logits[i : i + _BLOCK],
            features.offsets[i : i + _BLOCK],
            n_best_size=settings.n_best_size,
            longest=settings.max_answer_length,
        )
        if best is not None and block.score[0].size > best:
            flat = block.score.reshape(len(block.score), -1)
            least = np.partition(flat, -best, axis=1)[:, -best]
            block.score[block.score < least[:, None, None]] = -np.inf
        for row, scores in enumerate(block.score):
            starts, ends = np.nonzero(np.isfinite(scores))
            columns = scores[starts, ends], block.begin[row, starts], block.end[row, ends]
            spans.append(list(zip(*(column.tolist() for column in columns), strict=True)))
    return spans


@dataclass(frozen=True)
class _PossibleSpans:
    """The best starts times the best ends of every feature; ``score`` (features, starts, ends) is -inf for no span.

    The others are of the starts, and of the ends: (features, starts) and (features, ends).
    """

    score: NDArray[np.float32]
    start_logit: NDArray[np.float32]
    end_logit: NDArray[np.float32]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]


def _possible_spans(
    start_logits: Sequence[NDArray[np.float32]],
    end_logits: Sequence[NDArray[np.float32]],
    offsets: Sequence[NDArray[np.int32]],
    *,
    n_best_size: int,
    longest: int,
) -> _PossibleSpans:
    longest_feature = max(len(row) for row in offsets)
    starts = _padded(start_logits, longest_feature)
    ends = _padded(end_logits, longest_feature)
    begins = _padded_offsets([row[:, 0] for row in offsets], longest_feature)
    stops = _padded_offsets([row[:, 1] for row in offsets], longest_feature)

    rows = np.arange(len(offsets))[:, None]
    top_start, top_end = _top(starts, n_best_size), _top(ends, n_best_size)
    begin, stop = begins[rows, top_start], stops[rows, top_end]
    start_value, end_value = starts[rows, top_start], ends[rows, top_end]

    score = start_value[:, :, None] + end_value[:, None, :]
    tokens = top_end[:, None, :] - top_start[:, :, None] + 1
    possible = (tokens >= 1) & (tokens <= longest)
    possible &= (begin >= 0)[:, :, None] & (stop >= 0)[:, None, :]
    # A span without a character is the null answer's text, never the best non-null one.
    possible &= stop[:, None, :] > begin[:, :, None]
    score = np.where(possible & ~np.isnan(score), score, -np.inf).astype(np.float32)
    return _PossibleSpans(score, start_value, end_value, begin, stop)


def _best_spans(
    start_logits: Sequence[NDArray[np.float32]],
    end_logits: Sequence[NDArray[np.float32]],
    offsets: Sequence[NDArray[np.int32]],
    *,
    n_best_size: int,
    longest: int,
) -> _Spans:
    """The best span among the ``n_best_size`` starts times the ``n_best_size`` ends of every feature."""
    spans = _possible_spans(start_logits, end_logits, offsets, n_best_size=n_best_size, longest=longest)
    score = spans.score.reshape(len(offsets), -1)
    chosen = score.argmax(axis=1)
    start_rank, end_rank = np.divmod(chosen, spans.end.shape[1])
    row = np.arange(len(offsets))
    return _Spans(
        score=score[row, chosen],
        start_logit=spans.start_logit[row, start_rank],
        end_logit=spans.end_logit[row, end_rank],
        begin=spans.begin[row, start_rank],
        end=spans.end[row, end_rank],
    )


def _top(logits: NDArray[np.float32], n_best_size: int) -> NDArray[np.int64]:
    """Columns of the ``n_best_size`` largest values of each row, the largest first."""
    return np.argsort(logits, axis=1, kind="stable")[:, : -n_best_size - 1 : -1]


def _padded(rows: Sequence[NDArray[np.float32]], length: int) -> NDArray[np.float32]:
    padded = np.full((len(rows), length), -np.inf, np.float32)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded


def _padded_offsets(rows: Sequence[NDArray[np.int32]], length: int) -> NDArray[np.int32]:
    padded = np.full((len(rows), length), -1, np.int32)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded
