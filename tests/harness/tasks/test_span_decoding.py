"""The vectorised decoding against the same algorithm written as plain loops over one example."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.config.tasks import QuestionAnswering
from harness.tasks.features import Features
from harness.tasks.span_decoding import decode

Logits = list[NDArray[np.float32]]


def plain_loops(
    context: str, offsets: list[NDArray[np.int32]], starts: Logits, ends: Logits, settings: QuestionAnswering
) -> tuple[str, float]:
    """The answer and the null score difference of one example, from its features."""
    candidates: list[tuple[np.float32, np.float32, np.float32, str]] = []
    null = None
    for spans, start, end in zip(offsets, starts, ends, strict=True):
        at_first_token = start[0] + end[0]
        null = at_first_token if null is None else min(null, at_first_token)
        # Largest first; the later of two equal ones first.
        best_starts = sorted(range(len(start)), key=lambda i: (-start[i], -i))[: settings.n_best_size]
        best_ends = sorted(range(len(end)), key=lambda i: (-end[i], -i))[: settings.n_best_size]
        for first in best_starts:
            for last in best_ends:
                inside = spans[first][0] >= 0 and spans[last][0] >= 0
                if inside and first <= last < first + settings.max_answer_length:
                    text = context[spans[first][0] : spans[last][1]]
                    candidates.append((start[first] + end[last], start[first], end[last], text))
    assert null is not None
    candidates = [candidate for candidate in candidates if candidate[3]]
    if not candidates:
        candidates = [(np.float32(0), np.float32(0), np.float32(0), "empty")]
    best = max(candidates, key=lambda candidate: candidate[0])
    difference = null - best[1] - best[2]
    null_answer = settings.version_2_with_negative and difference > settings.null_score_diff_threshold
    return ("" if null_answer else best[3]), float(difference)


def random_features(rng: np.random.Generator, examples: int, longest: int) -> tuple[list[str], Features]:
    """Windows over random contexts; some have no context token, some tokens are zero characters wide."""
    contexts, index, offsets = [], [], []
    for example in range(examples):
        tokens = int(rng.integers(0, longest))
        widths = rng.integers(0, 5, tokens)
        ends = np.cumsum(widths + 1)
        spans = np.stack([ends - widths, ends], axis=1).astype(np.int32)
        contexts.append("".join(rng.choice(list("abc \u00e9\U0001f600"), int(ends[-1]) if tokens else 0)))
        for _ in range(int(rng.integers(1, 5))):
            begin = int(rng.integers(0, tokens + 1))
            question = np.full((int(rng.integers(1, 8)), 2), -1, np.int32)
            window = spans[begin : begin + int(rng.integers(0, longest))]
            offsets.append(np.concatenate([question, window, [[-1, -1]]]).astype(np.int32))
            index.append(example)
    inputs = {"input_ids": [np.zeros(len(row), np.int64) for row in offsets]}
    return contexts, Features(inputs, np.asarray(index, np.int64), offsets)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_answers_as_plain_loops(seed: int, negative: bool, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    settings = QuestionAnswering(
        n_best_size=int(rng.integers(1, 25)),
        max_answer_length=int(rng.integers(1, 31)),
        version_2_with_negative=negative,
        null_score_diff_threshold=rng.normal(),
    )
    contexts, features = random_features(rng, examples=300, longest=(8, 60)[seed % 2])
    starts: Logits = [rng.normal(0, 4, length).astype(np.float32) for length in features.lengths]
    ends: Logits = [rng.normal(0, 4, length).astype(np.float32) for length in features.lengths]
    if ties:
        starts, ends = [row.round() for row in starts], [row.round() for row in ends]
    decoded = decode(contexts, features, starts, ends, settings=settings)
    assert features.offsets is not None
    kinds = set()
    for example, context in enumerate(contexts):
        mine = np.flatnonzero(features.example == example)
        text, difference = plain_loops(
            context,
            [features.offsets[i] for i in mine],
            [starts[i] for i in mine],
            [ends[i] for i in mine],
            settings,
        )
        assert decoded.texts[example] == text
        assert decoded.null_score_difference[example] == difference
        kinds.add("" if not text else "empty" if text == "empty" else "span")
    assert kinds == ({"", "span", "empty"} if negative else {"span", "empty"})


def one_feature(context: str, *offsets: tuple[int, int]) -> tuple[list[str], Features]:
    rows = np.asarray([(-1, -1), *offsets, (-1, -1)], np.int32)
    return [context], Features({"input_ids": [np.zeros(len(rows), np.int64)]}, np.zeros(1, np.int64), [rows])


def answer(
    context: str, offsets: list[tuple[int, int]], start: list[float], end: list[float], **settings: Any
) -> tuple[str, float]:
    contexts, features = one_feature(context, *offsets)
    decoded = decode(
        contexts,
        features,
        [np.asarray(start, np.float32)],
        [np.asarray(end, np.float32)],
        settings=QuestionAnswering(**settings),
    )
    return decoded.texts[0], float(decoded.null_score_difference[0])


AB = [(0, 1), (2, 3)]


def test_the_threshold_must_be_exceeded() -> None:
    logits = [2.0, 1, 0, 0]
    assert answer("a b", AB, logits, logits) == ("", 2)
    assert answer("a b", AB, logits, logits, null_score_diff_threshold=2) == ("a", 2)
    assert answer("a b", AB, logits, logits, null_score_diff_threshold=1.5) == ("", 2)


def test_an_end_before_its_start_is_no_answer() -> None:
    assert answer("a b", AB, [-9, 0, 5, -9], [-9, 4, 0, -9]) == ("b", -23)


def test_the_longest_answer_counts_tokens() -> None:
    assert answer("a b", AB, [-9, 5, 0, -9], [-9, 0, 5, -9])[0] == "a b"
    assert answer("a b", AB, [-9, 5, 1, -9], [-9, 0, 5, -9], max_answer_length=1)[0] == "b"


def test_only_the_best_starts_and_ends_are_combined() -> None:
    assert answer("a b", AB, [9, 1, 2, -9], [9, 0, 1, -9], n_best_size=1, null_score_diff_threshold=99) == ("empty", 18)
    assert answer("a b", AB, [9, 1, 2, -9], [9, 0, 1, -9], n_best_size=2, null_score_diff_threshold=99) == ("b", 15)


def test_without_a_span_the_null_score_decides_alone() -> None:
    assert answer("", [], [1, 0], [1, 0]) == ("", 2)
    assert answer("", [], [-1, 0], [-1, 0]) == ("empty", -2)


def test_the_null_score_is_the_smallest_over_the_features() -> None:
    offsets = np.asarray([(-1, -1), (0, 1), (-1, -1)], np.int32)
    features = Features({"input_ids": [np.zeros(3, np.int64)] * 2}, np.zeros(2, np.int64), [offsets, offsets])
    starts = [np.asarray([5, 1, 0], np.float32), np.asarray([-5, 0, 0], np.float32)]
    decoded = decode(["a"], features, starts, starts, settings=QuestionAnswering())
    assert decoded.texts == ["a"]
    assert decoded.null_score_difference.tolist() == [-12]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_no_numbers_still_give_one_answer_each(bad: float) -> None:
    contexts, features = random_features(np.random.default_rng(0), examples=20, longest=30)
    logits = [np.full(length, bad, np.float32) for length in features.lengths]
    with np.errstate(invalid="ignore"):
        decoded = decode(contexts, features, logits, logits, settings=QuestionAnswering())
    assert len(decoded.texts) == len(decoded.null_score_difference) == 20


def test_nothing_to_decode() -> None:
    features = Features({"input_ids": []}, np.empty(0, np.int64), [])
    decoded = decode([], features, [], [], settings=QuestionAnswering())
    assert decoded.texts == []
    assert decoded.null_score_difference.shape == (0,)


def test_more_features_than_a_block() -> None:
    rng = np.random.default_rng(1)
    contexts, features = random_features(rng, examples=1_000, longest=12)
    assert len(features) > 2_048
    starts: Logits = [rng.normal(size=length).astype(np.float32) for length in features.lengths]
    decoded = decode(contexts, features, starts, starts, settings=QuestionAnswering())
    assert features.offsets is not None
    for example in (0, 499, 999):
        mine = np.flatnonzero(features.example == example)
        rows = [starts[i] for i in mine]
        windows = [features.offsets[i] for i in mine]
        expected = plain_loops(contexts[example], windows, rows, rows, QuestionAnswering())
        assert (decoded.texts[example], decoded.null_score_difference[example]) == expected
