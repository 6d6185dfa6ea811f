"""Confidence of answers: the answer's own, by hand and against what run_qa.py calls a probability."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from harness.config.tasks import QuestionAnswering
from harness.tasks.answer_confidence import answer_confidence
from harness.tasks.features import Features
from harness.tasks.span_decoding import decode

CONTEXT = "Ada was born in London"
WORDS = [(0, 3), (4, 7), (8, 12), (13, 15), (16, 22)]
"""Characters of the context's words; a feature is [CLS] and these."""


def confidence(windows: list[tuple[list[float], list[float]]], **settings: object) -> tuple[str, float]:
    """The answer and its confidence, of windows that all hold the whole context."""
    starts, ends = ([np.asarray(window[side], np.float32) for window in windows] for side in (0, 1))
    offsets = np.asarray([(-1, -1), *WORDS], np.int32)
    ids: list[NDArray[np.int64]] = [np.arange(6) for _ in windows]
    features = Features({"input_ids": ids}, np.zeros(len(windows), np.int64), [offsets] * len(windows))
    chosen = QuestionAnswering.model_validate({"n_best_size": 3, **settings})
    (answer,) = decode([CONTEXT], features, starts, ends, settings=chosen).texts
    (found,) = answer_confidence([CONTEXT], features, starts, ends, [answer], settings=chosen)
    return answer, float(found)


def test_it_is_the_answers_share_of_the_n_best_and_of_no_answer() -> None:
    start, end = [1.0, 0.0, -9.0, -9.0, -9.0, 3.0], [1.0, 2.0, -9.0, -9.0, -9.0, 3.0]
    answer, found = confidence([(start, end)])
    assert answer == "London"
    # London 6, "Ada" 2, "Ada was born in London" 3; no answer 2
    assert found == pytest.approx(softmax([6.0, 2.0, 3.0, 2.0])[0])


def test_it_belongs_to_the_answer_where_the_likeliest_start_and_end_do_not() -> None:
    """The likeliest start lies behind the likeliest end: the product of the two is of no span."""
    start, end = [0.0, 0.0, -9.0, -9.0, -9.0, 4.0], [0.0, 4.0, -9.0, -9.0, -9.0, 0.0]
    answer, found = confidence([(start, end)])
    assert answer in ("Ada", "London") and found < 0.5


def test_a_sure_no_answer_is_sure_over_many_windows() -> None:
    window = ([12.0, 0.0, 0.0, 0.0, 0.0, 0.0], [12.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    for count in (1, 2, 5):
        answer, found = confidence([window] * count)
        assert answer == "" and found > 0.999


def test_a_span_that_two_windows_share_is_one_candidate() -> None:
    window = ([0.0, 2.0, -9.0, -9.0, -9.0, 1.0], [0.0, 2.0, -9.0, -9.0, -9.0, 1.0])
    assert confidence([window])[1] == pytest.approx(confidence([window, window])[1])


def test_where_no_answer_is_none_it_is_no_candidate() -> None:
    start, end = [9.0, 1.0, -9.0, -9.0, -9.0, 0.0], [9.0, 1.0, -9.0, -9.0, -9.0, 0.0]
    answer, found = confidence([(start, end)], version_2_with_negative=False)
    assert answer == "Ada" and found == pytest.approx(softmax([2.0, 1.0, 0.0])[0])
