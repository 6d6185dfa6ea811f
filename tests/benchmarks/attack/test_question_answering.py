"""Which words of a question or a context are left alone, and how a search gets at the examples of its texts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.attack.bert_attack import attack
from benchmarks.attack.examples import Examples
from benchmarks.attack.probabilities import RIGHT
from benchmarks.attack.question_answering import left_alone_in_context, left_alone_in_question
from benchmarks.attack.random_swaps import swap_at_random
from benchmarks.attack.results import AttackSettings
from benchmarks.attack.words import split_words


def told(text, spans):
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("question", "answers", "left_alone"),
    [
        ("Who moved to the harbour?", ["Ida Alvik"], ["Who"]),
        ("To whom is The Walls of Perstow dedicated?", ["Ursula"], ["whom", "The", "Walls", "Perstow"]),
        ("In which year did she print 300 copies?", ["1946"], ["which", "300"]),
        ("which gold coin is of gold?", ["the Gold rush"], ["which", "gold", "gold"]),
        ("Paintings of the river", [], []),
        ("", ["x"], []),
    ],
)
def test_words_that_make_it_another_question_are_left_alone(question, answers, left_alone):
    assert told(question, left_alone_in_question(question, answers)) == left_alone


def test_no_word_of_an_answer_in_the_context_is_touched():
    context = "Ida Alvik was born in Fenholm. Fenholm-born Ida left."
    assert told(context, left_alone_in_context(context, ["Ida Alvik"])) == ["Ida", "Alvik"]
    # wherever the answer stands, also inside a longer word
    assert told(context, left_alone_in_context(context, ["Fenholm"])) == ["Fenholm", "Fenholm-born"]
    assert left_alone_in_context(context, []) == []
    assert left_alone_in_context("", ["x"]) == []


QUESTIONS = {
    "in the context": ("what is the colour of the house?", ["red"]),
    "asked of another": ("what is the colour of the house?", ["blue"]),
    "two words": ("where is the old house?", ["here"]),
}


def ask(texts):
    """Right until the word that its example hangs on is gone."""
    hangs_on = {"in the context": "colour", "asked of another": "nothing", "two words": "house"}
    right = [0.9 if hangs_on[id_] in text or hangs_on[id_] == "nothing" else 0.2 for id_, text in texts]
    return np.array([[1 - one, one] for one in right])


def candidates(text, spans):
    return [["shade", "building"] for _ in spans]


def run(asked, **options):
    left_alone = {id_: left_alone_in_question(text, answers) for id_, (text, answers) in QUESTIONS.items()}
    examples = Examples(asked, left_alone)
    texts = [(id_, text, RIGHT) for id_, (text, _) in QUESTIONS.items()]
    results = list(attack(examples.predict, texts, candidates=candidates, about=examples.about, **options))
    return examples, {result.id: result for result in results}


def test_a_deployment_is_asked_about_the_example_of_each_text():
    asked = []

    def noting(texts):
        asked.extend(texts)
        return ask(texts)

    _, results = run(noting)
    assert {id_: result.status for id_, result in results.items()} == {
        "in the context": "succeeded",
        "asked of another": "failed",
        "two words": "succeeded",
    }
    assert results["in the context"].changes == (("colour", "shade"),)
    assert results["in the context"].prediction_after != RIGHT
    # The same question on two contexts is asked of both.
    assert {id_ for id_, text in asked if text == QUESTIONS["in the context"][0]} == {
        "in the context",
        "asked of another",
    }


def test_what_is_left_alone_stays():
    _, results = run(ask)
    for result in results.values():
        assert not {"what", "where"} & {old for old, _ in result.changes}
    spans = {id_: split_words(text).spans for id_, (text, _) in QUESTIONS.items()}
    everything = Examples(ask, spans)
    texts = [(id_, text, RIGHT) for id_, (text, _) in QUESTIONS.items()]
    untouched = list(attack(everything.predict, texts, candidates=candidates, about=everything.about))
    assert {result.status for result in untouched} == {"failed"}
    assert {result.queries for result in untouched} == {1}


def test_a_budget_stops_a_search_about_an_example():
    _, results = run(ask, settings=AttackSettings(max_queries=1))
    assert {result.status for result in results.values()} == {"budget"}


def test_random_swaps_leave_the_same_words_alone():
    examples, results = run(ask)
    found = swap_at_random(
        examples.predict, list(results.values()), candidates=candidates, about=examples.about, seed=0
    )
    for result in found:
        assert {old for old, _ in result.changes} <= {"colour", "house", "old"}
