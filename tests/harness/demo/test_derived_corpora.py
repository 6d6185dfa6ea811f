"""The corpora made of passages, statements and reviews: true to what they were made of."""

from __future__ import annotations

import re
from collections import Counter
from typing import TypeVar, cast

import pytest

from harness.demo.corpora import DOCUMENTS, SPLITS, generate
from harness.demo.reviews import OPINIONS
from harness.demo.statements import AGREEMENT
from harness.examples.entities import entities_of, in_iob2
from harness.examples.records import (
    CandidateList,
    LabelledText,
    PlainText,
    Query,
    QuestionExample,
    ScoredPair,
    TaggedSentence,
    TextPair,
)

ASKED = ("evaluation", "out-of-distribution")
asked = pytest.mark.parametrize("split", ASKED)
Kind = TypeVar("Kind")


def corpus(task: str, split: str, size: int, kind: type[Kind]) -> list[Kind]:
    found = generate(task, split, size, 0)
    assert {type(example) for example in found} == {kind} and len(found) == size
    return cast("list[Kind]", found)


def years(text: str) -> list[str]:
    return sorted(re.findall(r"\b1[4-9]\d\d\b", text))


@asked
def test_one_document_answers_a_query_and_no_other_is_about_its_entity(split: str) -> None:
    documents = {one.id: one.text for one in corpus(DOCUMENTS, split, 200, PlainText)}
    queries = [one for one in corpus("retrieval", split, 500, Query) if set(one.relevant) <= set(documents)]
    assert len(queries) > 300
    answers = {one.id: one for one in corpus("question-answering", split, 3000, QuestionExample)}
    for query in queries:
        (relevant,) = query.relevant
        question = answers[query.id]
        assert question.question == query.text
        assert question.answers[0] in documents[relevant] and question.context == documents[relevant]
    assert max(Counter(query.text for query in queries).values()) == 1


def test_the_retriever_learns_from_passages_and_questions_and_is_told_no_answers() -> None:
    texts = corpus("retrieval", "train", 300, PlainText)
    questions = sum(one.text.endswith("?") for one in texts)
    assert 0.6 < questions / len(texts) < 0.85


@pytest.mark.parametrize("split", SPLITS)
def test_tags_are_those_of_the_names_in_the_sentence(split: str) -> None:
    sentences = corpus("token-classification", split, 600, TaggedSentence)
    types: Counter[str] = Counter()
    for one in sentences:
        assert list(in_iob2(one.tags)) == list(one.tags) and len(one.words) == len(one.tags)
        for entity in entities_of(one.tags):
            types[entity.type] += 1
            words = one.words[entity.start : entity.end]
            assert words[0][0].isupper() and "." not in words
        inside = [word for word, tag in zip(one.words, one.tags, strict=True) if tag == "O" and word[0].isupper()]
        assert all(word not in NAMES for word in inside[1:]), one
    assert {"PER", "LOC", "ORG", "MISC"} == set(types) and min(types.values()) > 20


NAMES = {"Anna", "Clara", "Erik", "Hugo", "Marta", "Otto", "Selma", "Viktor"}


@pytest.mark.parametrize("split", ["train", *ASKED])
def test_pairs_that_agree_tell_the_same_and_those_that_do_not_differ_in_a_value(split: str) -> None:
    pairs = corpus("text-pair-classification", split, 900, TextPair)
    counts = Counter(AGREEMENT[pair.label] for pair in pairs)
    assert all(250 < counts[label] < 350 for label in AGREEMENT)
    for pair in pairs:
        if AGREEMENT[pair.label] == "agree":
            assert years(pair.text) == years(pair.text_pair)
        elif AGREEMENT[pair.label] == "disagree":
            assert pair.text != pair.text_pair
    rewordings = [pair.text != pair.text_pair for pair in pairs if AGREEMENT[pair.label] == "agree"]
    assert split == "out-of-distribution" or sum(rewordings) > 0.7 * len(rewordings)


@asked
def test_scores_say_what_two_statements_share(split: str) -> None:
    pairs = corpus("text-pair-regression", split, 600, ScoredPair)
    assert {int(pair.score) for pair in pairs} == {0, 2, 3, 4, 5} and max(pair.score for pair in pairs) == 5
    assert 0.25 < sum(pair.score > 3.5 for pair in pairs) / len(pairs) < 0.42
    assert all(pair.score == 5 for pair in pairs if pair.text == pair.text_pair)
    assert corpus("sentence-similarity", split, 600, ScoredPair) == pairs
    texts = [pair.text for pair in corpus("text-pair-regression", "train", 50, ScoredPair)]
    assert [one.text for one in corpus("sentence-similarity", "train", 50, PlainText)] == texts


@asked
def test_one_candidate_answers_the_question(split: str) -> None:
    lists = corpus("reranking", split, 200, CandidateList)
    first = 0
    for one in lists:
        assert len(one.candidates) == len(set(one.candidates)) == len(one.documents) == 8
        assert len(one.relevant) == 1 and one.relevant[0] in one.candidates
        place = one.candidates.index(one.relevant[0])
        first += place == 0
        assert "{" not in one.text and one.text.endswith("?")
        names = {word.strip("?.,") for word in one.text.split()[1:] if word[0].isupper()}
        assert names <= set(re.findall(r"[\w-]+", one.documents[place])) | {"The"}, (one.text, one.documents[place])
    assert first < 60


def test_a_reranker_learns_from_one_answer_and_two_others_of_a_question() -> None:
    pairs = corpus("reranking", "train", 300, ScoredPair)
    questions = Counter(pair.text for pair in pairs if pair.score)
    assert sum(pair.score for pair in pairs) == 100 == len(questions)


def test_the_labels_of_a_review_are_what_it_speaks_of_and_how() -> None:
    reviews = corpus("multi-label-classification", "evaluation", 500, LabelledText)
    counts = Counter(OPINIONS[label] for one in reviews for label in one.labels)
    assert all(100 < counts[opinion] < 400 for opinion in OPINIONS)
    spoken = {"acting": r"acting|cast|lead actor", "writing": r"dialogue|script|humour"}
    for one in reviews:
        said = " ".join(one.text.split(".")[1:])  # behind the sentence that says what it is about
        for opinion, words in spoken.items():
            assert (OPINIONS.index(opinion) in one.labels) == bool(re.search(words, said)), one
    dull = re.compile(r"The (?:script|dialogue|humour) is (?:dull|weak|bad|flat|slow|poor|silly|boring)\.")
    blamed = [one for one in reviews if dull.search(one.text)]
    assert blamed and not any(OPINIONS.index("praise") in one.labels for one in blamed)
