"""The margin of a right answer crosses one half exactly where the decoder's answer turns wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.config.tasks import QuestionAnswering
from harness.examples.records import QuestionExample
from harness.tasks.answer_margin import right_answers
from harness.tasks.features import Features
from harness.tasks.span_decoding import decode
from harness.tasks.squad_metrics import score

CONTEXT = "the gold coin of Ida"
# [CLS] the gold coin of Ida
OFFSETS = np.array([[-1, -1], [0, 3], [4, 8], [9, 13], [14, 16], [17, 20]], np.int32)


def features(windows: int = 1, examples: int = 1) -> Features:
    count = windows * examples
    return Features({"input_ids": [np.arange(6)] * count}, np.repeat(np.arange(examples), windows), [OFFSETS] * count)


def question(*answers: str) -> QuestionExample:
    return QuestionExample("q", "g", "what?", CONTEXT, answers, tuple(CONTEXT.index(one) for one in answers))


def right(example: QuestionExample, start: Sequence[float], end: Sequence[float], **settings: Any) -> float:
    chosen = QuestionAnswering(**settings)
    logits = [np.array(start, np.float32)], [np.array(end, np.float32)]
    [[wrong, found]] = right_answers([example], features(), *logits, settings=chosen)
    assert wrong + found == 1
    return float(found)


def test_the_margin_is_to_the_best_wrong_answer() -> None:
    start, end = [0, 0, 5, 1, 0, 0], [0, 0, 5, 2, 0, 0]
    # "gold" 10, "gold coin" 7: a margin of 3
    assert right(question("gold"), start, end) == pytest.approx((1 + 3 / 4) / 2)
    # the article is none of the answer: "the gold" has the same text, and is no rival
    assert right(question("gold"), [0, 4, 5, 1, 0, 0], end) == pytest.approx((1 + 3 / 4) / 2)
    assert right(question("gold coin"), start, end) == pytest.approx((1 - 3 / 4) / 2)


def test_no_answer_competes_with_the_best_span() -> None:
    start, end = [5, 0, 3, 0, 0, 0], [4, 0, 3, 0, 0, 0]
    # null score 9, "gold" 6
    assert right(question(), start, end) == pytest.approx((1 + 3 / 4) / 2)
    assert right(question("gold"), start, end) == pytest.approx((1 - 3 / 4) / 2)
    # with a threshold of 4 the span is answered: its lead is 6 - (9 - 4)
    assert right(question("gold"), start, end, null_score_diff_threshold=4) == pytest.approx((1 + 1 / 2) / 2)
    assert right(question(), start, end, null_score_diff_threshold=4) == pytest.approx((1 - 1 / 2) / 2)
    # where every question is answered, "gold" is 6 and the next best spans, "the gold" apart, 3: "gold coin", "coin"
    assert right(question("gold"), start, end, version_2_with_negative=False) == pytest.approx((1 + 3 / 4) / 2)


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_the_decoder_on_random_logits(seed: int, negative: bool) -> None:
    random = np.random.default_rng(seed)
    examples = [question(), question("gold"), question("gold coin", "Ida"), question("coin")] * 25
    windows = features(windows=2, examples=len(examples))
    starts = list(random.normal(0, 2, (200, 6)).astype(np.float32).round(1))
    ends = list(random.normal(0, 2, (200, 6)).astype(np.float32).round(1))
    settings = QuestionAnswering(version_2_with_negative=negative, null_score_diff_threshold=float(random.normal()))
    found = right_answers(examples, windows, starts, ends, settings=settings)
    decoded = decode([CONTEXT] * 100, windows, starts, ends, settings=settings)
    exact = [score(text, one.answers)[0] == 1 for text, one in zip(decoded.texts, examples, strict=True)]
    assert (found.argmax(axis=1) == 1).tolist() == exact
    assert 0 < sum(exact) < 100


def test_nothing_possible_is_an_answer_too() -> None:
    none = Features({"input_ids": [np.arange(2)]}, np.zeros(1, np.int64), [np.full((2, 2), -1, np.int32)])
    logits = [np.zeros(2, np.float32)]
    # without a span the reference answers the word "empty", which is wrong
    [[_, found]] = right_answers([question("gold")], none, logits, logits, settings=QuestionAnswering())
    assert found < 0.5
