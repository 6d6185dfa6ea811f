"""Attributes on texts read by hand."""

from typing import Any

import numpy as np
import pytest

from benchmarks.characteristics.attributes import (
    Attribute,
    answer_type,
    of_questions,
    of_texts,
    question_word,
    rarity,
    sentence_at,
    values,
)
from benchmarks.errors import BenchmarkError

CONTEXT = (
    "The U.S. Army came in 1990. Dr. Ellis, a nurse, left Rouen! Snow fell on the harbour (for days.) Then it thawed."
)


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("Who came?", "who"),
        ("By whom was it built?", "who"),
        ("WHOSE army is it", "who"),
        ("Who's there?", "who"),
        ("In what year did they leave?", "what"),
        ("When he died, who followed?", "when"),
        ("Where is Rouen?", "where"),
        ("Why?", "why"),
        ("To which city?", "which"),
        ("How many came?", "how many"),
        ("how  much did it cost?", "how many"),
        ("How old was Ellis?", "how"),
        ("However it was, name the nurse.", "other"),
        ("The elbow is somewhat whole", "other"),
        ("", "other"),
    ],
)
def test_question_word(question, word):
    assert question_word(question) == word


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("", "no answer"),
        ("  ", "no answer"),
        ("1990", "date"),
        ("May 5, 1944", "date"),
        ("late 1990s", "date"),
        ("between 1960 and 1970", "date"),
        ("the 10th century", "date"),
        ("second century AD", "date"),
        ("44 BC", "date"),
        ("Thursday", "date"),
        ("1500 soldiers", "number"),
        ("about 20 years", "number"),
        ("1,500", "number"),
        ("2.5 million", "number"),
        ("$1990", "number"),
        ("US$ 5 billion", "number"),
        ("a rise of 20%", "number"),
        ("one of the kings", "number"),
        ("3rd", "number"),
        ("Boeing 747", "name"),
        ("University of Paris", "name"),
        ("Ludwig van Beethoven", "name"),
        ("Élodie", "name"),
        ("steam engines", "other"),
        ("Steam engines", "other"),
        ("may", "other"),
        ("the", "other"),
        ("...", "other"),
    ],
)
def test_answer_type(answer, kind):
    assert answer_type(answer) == kind


@pytest.mark.parametrize(
    ("holds", "sentence"),
    [
        ("The", "The U.S. Army came in 1990. "),
        ("1990", "The U.S. Army came in 1990. "),
        ("Dr", "Dr. Ellis, a nurse, left Rouen! "),
        ("Rouen", "Dr. Ellis, a nurse, left Rouen! "),
        ("days", "Snow fell on the harbour (for days.) "),
        ("thawed", "Then it thawed."),
    ],
)
def test_sentence_at(holds, sentence):
    assert sentence_at(CONTEXT, CONTEXT.index(holds)) == sentence


def test_sentences_of_a_text_without_any_end():
    assert sentence_at("no end here", 10) == "no end here"
    assert sentence_at("One. Two. ", 9) == "Two. "


def test_rarity_is_the_mean_inverse_document_frequency():
    found = rarity(["the cat", "the dog", "The the the", "..."])
    rare, common = np.log(4 / 1), np.log(4 / 3)
    np.testing.assert_allclose(found, [(rare + common) / 2, (rare + common) / 2, common, np.nan])


def numbers(attribute: Attribute) -> np.ndarray:
    assert isinstance(attribute, np.ndarray)
    return attribute


def test_attributes_of_questions():
    found = of_questions(
        questions=["Which nurse left the harbour?", "How much snow melted in Rouen?", "Who is he?"],
        contexts=[CONTEXT, CONTEXT, "Nobody knows it."],
        answers=[["Dr. Ellis", "a nurse"], [], ["Nobody"]],
        answer_starts=[[CONTEXT.index("Dr."), 0], [], [0]],
        confidence=[0.9, 0.5, np.nan],
    )
    assert found["question word"] == ["which", "how many", "who"]
    assert found["answer type"] == ["name", "no answer", "name"]
    # the u s army came in 1990 dr ellis a nurse left rouen snow fell on the harbour for days then it thawed
    np.testing.assert_array_equal(found["context length"], [23, 23, 3])
    np.testing.assert_array_equal(found["question length"], [5, 6, 3])
    # nurse, left, harbour; snow, melted, rouen; none
    np.testing.assert_allclose(numbers(found["overlap with context"]), [1, 2 / 3, np.nan])
    np.testing.assert_allclose(numbers(found["overlap with answer sentence"]), [2 / 3, np.nan, np.nan])
    np.testing.assert_allclose(numbers(found["reference's confidence"]), [0.9, 0.5, np.nan])
    np.testing.assert_allclose(numbers(found["rarity"]), [np.log(3)] * 3)


def test_attributes_of_texts():
    found = of_texts(["Don't go", "go well-known go"], ["bad", "good"])
    assert list(found) == ["label", "length", "rarity"]
    assert found["label"] == ["bad", "good"]
    np.testing.assert_array_equal(found["length"], [2, 3])
    np.testing.assert_allclose(numbers(found["rarity"]), [np.log(2) / 2, np.log(2) / 3])
    assert list(of_texts(["a"], ["b"], [0.3])) == ["label", "length", "rarity", "reference's confidence"]


def shown(attribute):
    return {suffix: np.flatnonzero(members).tolist() for suffix, members in values("x", attribute, len(attribute))}


def test_values_of_words_and_booleans():
    assert shown(["b", "a", "", "a"]) == {" = (empty)": [2], " = a": [1, 3], " = b": [0]}
    assert shown(np.array(["b", "a"], dtype=object)) == {" = a": [1], " = b": [0]}
    assert shown(np.array([True, False, True])) == {" = no": [1], " = yes": [0, 2]}


def test_values_of_numbers_are_quartiles_told_by_their_members():
    assert shown(np.arange(8) * 10) == {
        " 0 to 10": [0, 1],
        " 20 to 30": [2, 3],
        " 40 to 50": [4, 5],
        " 60 to 70": [6, 7],
    }
    assert shown(np.array([0.98765, 0.5, 0.75, 0.25, 0.1])) == {
        " 0.1 to 0.25": [3, 4],
        " = 0.5": [1],
        " = 0.75": [2],
        " = 0.988": [0],
    }


def test_equal_numbers_stay_together():
    assert shown(np.array([0, 0, 0, 0, 0, 1, 2, 3, 4, 5])) == {
        " = 0": [0, 1, 2, 3, 4],
        " 1 to 2": [5, 6],
        " 3 to 5": [7, 8, 9],
    }
    assert shown(np.array([0] * 9 + [1])) == {" = 0": list(range(9)), " = 1": [9]}
    assert shown(np.array([3, 1, 2, 3])) == {" = 1": [1], " = 2": [2], " = 3": [0, 3]}


def test_nan_is_in_no_set():
    assert shown(np.array([np.nan, 1.0, np.nan, 2.0])) == {" = 1": [1], " = 2": [3]}
    assert shown(np.array([np.nan, np.nan])) == {}


QUESTION: dict[str, Any] = {"questions": ["Who?"], "contexts": ["He did."], "answers": [["He"]], "answer_starts": [[0]]}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: of_questions(**QUESTION | {"contexts": []}), "contexts: 0 entries, expected 1"),
        (lambda: of_questions(**QUESTION | {"answers": [["He"], []]}), "answers: 2 entries, expected 1"),
        (lambda: of_questions(**QUESTION | {"answer_starts": [[7]]}), "question 0: its answer 'He' starts nowhere"),
        (lambda: of_questions(**QUESTION | {"answer_starts": [[]]}), "question 0: its answer 'He' starts nowhere"),
        (lambda: of_questions(**QUESTION, confidence=[0.1, 0.2]), r"confidence: shape \(2,\), expected \(1,\)"),
        (lambda: of_texts(["a", "b"], ["x"]), "labels: 1 entries, expected 2"),
        (lambda: values("x", ["a"], 2), r"attribute x: shape \(1,\), expected \(2,\)"),
        (lambda: values("x", np.array([1j]), 1), "attribute x: complex128 values"),
        (lambda: values("x", np.array(["a", 1], dtype=object), 2), "attribute x: object values"),
        (lambda: values("x", np.array([1, -np.inf]), 2), "attribute x: infinite at example 1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(BenchmarkError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
