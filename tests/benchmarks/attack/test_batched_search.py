from __future__ import annotations

import time
from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest

from benchmarks.attack.batched_search import Budget, Handlers, batched_search
from benchmarks.attack.requests import OutOfBudget, Scores

ANSWERS = Handlers(lambda texts: np.array([[len(text), 0.5] for text in texts], dtype=np.float64), lambda *_: [])


def _noting(calls, score=ANSWERS.score):
    """``score``, which notes in ``calls`` what it is asked."""

    def noting(texts):
        calls.append(list(texts))
        return score(texts)

    return noting


def _asks(texts_of_rounds):
    seen = []
    try:
        for texts in texts_of_rounds:
            rows = yield Scores(texts)
            seen.append(rows[:, 0].tolist())
    except OutOfBudget:
        return "budget"
    return seen


class Recorder:
    def __init__(self, kept=()):
        self.kept = list(kept)

    def recall(self):
        return list(self.kept)

    def keep(self, number, made):
        self.kept[number:] = [made]


def test_each_gets_its_own_answers_and_asks_a_text_once():
    calls: list[list[str]] = []
    answers = Handlers(_noting(calls), ANSWERS.propose)
    searches = [_asks([["a", "bb"], ["bb", "ccc", "ccc"]]), _asks([["dddd"]]), _asks([])]
    [group] = batched_search(searches, answers, batch_size=4)
    assert group == [([[1, 2], [2, 3, 3]], 3), ([[4]], 1), ([], 0)]
    assert calls == [["a", "bb", "dddd"], ["ccc"]]


def test_groups_keep_their_order_and_begin_when_the_one_before_has_ended():
    begun = []

    def searches():
        for number in range(5):
            begun.append(number)
            yield _asks([[str(number)]])

    groups = batched_search(searches(), ANSWERS, batch_size=2)
    assert len(next(groups)) == 2
    assert begun == [0, 1]
    assert [len(group) for group in groups] == [2, 1]


def test_a_budget_is_one_search_s_own():
    searches = [_asks([["a", "b"], ["c", "d"]]), _asks([["a"], ["b"]])]
    [group] = batched_search(searches, ANSWERS, batch_size=2, budget=Budget(queries=3))
    assert group == [("budget", 2), ([[1], [1]], 2)]


@pytest.mark.parametrize("stopped_after", [0, 1, 2, 3])
def test_what_was_recorded_is_not_asked_again_and_the_end_is_the_same(stopped_after):
    """Scores that depend on who shares the batch, as those of INT8 with dynamic scales do."""

    def dependent(texts):
        return np.array([[len(text) + sum(map(len, texts)) / 100, 0.0] for text in texts])

    def searches():
        return [_asks([["a", "bb"], ["ccc"], ["dddd"]]), _asks([["ee"], ["fff", "g"], ["hh"]])]

    answers = Handlers(dependent, ANSWERS.propose)
    whole = Recorder()
    [undisturbed] = batched_search(searches(), answers, batch_size=2, recorder=whole)
    assert len(whole.kept) == 3

    calls: list[list[str]] = []
    answers = Handlers(_noting(calls, dependent), ANSWERS.propose)
    resumed = Recorder(whole.kept[:stopped_after])
    [found] = batched_search(searches(), answers, batch_size=2, recorder=resumed)
    assert found == undisturbed
    assert len(calls) == 3 - stopped_after
    assert len(resumed.kept) == 3


def _two_of_which_the_first_is_out_of_time(monkeypatch, recorder, clock, score=ANSWERS.score):
    searches = [_asks([["a"], ["bb", "ccc"], ["dddd"]]), _asks([["f"], ["gg", "hhh"], ["iiii"]])]
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    answers = Handlers(score, ANSWERS.propose)
    [group] = batched_search(searches, answers, batch_size=2, budget=Budget(seconds=15), recorder=recorder)
    return group


@pytest.mark.parametrize("stopped_after", [2, 3])
def test_who_was_out_of_time_is_not_decided_again(monkeypatch, stopped_after):
    """The first run stops the first search in the second round; the resumed one, by its clock, would not."""
    began, looked_at = [0, 100], [50, 101, 102]
    whole = Recorder()
    undisturbed = _two_of_which_the_first_is_out_of_time(monkeypatch, whole, iter([*began, *looked_at]))
    assert undisturbed == [("budget", 1), ([[1], [2, 3], [4]], 4)]
    assert [made.stopped for made in whole.kept] == [(), (0,), ()]

    calls: list[list[str]] = []
    resumed = Recorder(whole.kept[:stopped_after])
    found = _two_of_which_the_first_is_out_of_time(monkeypatch, resumed, repeat(0), _noting(calls))
    assert found == undisturbed
    assert calls == [["iiii"]][: 3 - stopped_after]


def _other_texts(made):
    return replace(made, asked="those of another search")


def _a_row_less(made):
    return replace(made, scores=made.scores[:-1])


def _a_search_that_is_done_was_stopped(made):
    return replace(made, stopped=(7,))


@pytest.mark.parametrize("spoil", [_other_texts, _a_row_less, _a_search_that_is_done_was_stopped])
def test_a_record_that_does_not_fit_is_dropped_from_there(spoil):
    def searches():
        return [_asks([["a"], ["bb"], ["ccc"]]), _asks([["ff"], ["gggg", "hhhhh"]])]

    whole = Recorder()
    [undisturbed] = batched_search(searches(), ANSWERS, batch_size=2, recorder=whole)
    spoiled = Recorder([whole.kept[0], spoil(whole.kept[1]), replace(whole.kept[2], scores=np.zeros((1, 2)))])
    calls: list[list[str]] = []
    answers = Handlers(_noting(calls), ANSWERS.propose)
    [found] = batched_search(searches(), answers, batch_size=2, recorder=spoiled)
    assert found == undisturbed
    assert calls == [["bb", "gggg", "hhhhh"], ["ccc"]]
    assert [made.asked for made in spoiled.kept] == [made.asked for made in whole.kept]


def test_what_differs_by_the_noise_of_float32_is_a_tie():
    noisy = Handlers(lambda texts: np.array([[0.3 + 1e-8, 0.7], [0.3, 0.7 + 2e-8]]), ANSWERS.propose)

    def search():
        rows = yield Scores(["a", "b"])
        return rows.tolist()

    [[(rows, _)]] = batched_search([search()], noisy, batch_size=1)
    assert rows[0] == rows[1]
