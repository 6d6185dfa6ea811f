"""BEIR's corpora, queries and judgements."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.beir import read_corpus, read_queries
from harness.data.tables import read_plain_texts, read_scored_pairs
from harness.errors import UserError

QUERIES = '{"_id": "q1", "text": "lift of a wing"}\n{"_id": "q2", "text": "heat"}\n{"_id": "q3", "text": "noise"}\n'


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_title_and_text_are_one_text_and_an_empty_document_stays(tmp_path):
    wings, heat = '{"_id": "1", "title": "Wings", "text": "carry."}', '{"id": 2, "text": "heat"}'
    lines = f'{wings}\n\n{heat}\n{{"_id": "3", "title": "", "text": ""}}\n'
    documents = read_corpus(written(tmp_path / "corpus.jsonl", lines))
    assert [(one.id, one.text) for one in documents] == [("1", "Wings carry."), ("2", "heat"), ("3", "")]


def test_queries_with_their_relevant_documents(tmp_path):
    qrels = "query-id\tcorpus-id\tscore\nq1\t1\t3\nq1\t2\t1\nq2\t3\t0\nq3\t3\t1\n"
    queries = read_queries(written(tmp_path / "q.jsonl", QUERIES), written(tmp_path / "qrels.tsv", qrels))
    assert [(one.id, one.relevant, one.grades) for one in queries] == [("q1", ("1", "2"), (3, 1)), ("q3", ("3",), (1,))]
    bare = written(tmp_path / "bare.tsv", qrels.partition("\n")[2])
    assert read_queries(tmp_path / "q.jsonl", bare) == queries, "without a header none is taken for one"


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ("query-id\tcorpus-id\tscore\nq1\t1\n", "line 2: has 2 columns"),
        ("query-id\tcorpus-id\tscore\nq1\t1\tmuch\n", "line 2: the score is 'much', not a whole number"),
        ("query-id\tcorpus-id\tscore\nq9\t1\t1\n", "names no relevant document of a query of"),
    ],
)
def test_bad_judgements(tmp_path, qrels, message):
    with pytest.raises(UserError, match=message):
        read_queries(written(tmp_path / "q.jsonl", QUERIES), written(tmp_path / "qrels.tsv", qrels))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "line 1: is .1., not an object"),
        ('{"text": "a"}', "line 1._id: is None, not an id"),
        ('{"_id": "1", "text": 3}', "line 1.text: is 3, not a text"),
        ('{"_id": "1", "text": "a"}\n{"_id": "1", "text": "b"}', "the id of line 1 too"),
    ],
)
def test_bad_documents(tmp_path, line, message):
    with pytest.raises(UserError, match=message):
        read_corpus(written(tmp_path / "corpus.jsonl", line))


def test_pairs_with_a_score_and_plain_texts_of_a_table(tmp_path):
    table = written(tmp_path / "pairs.csv", "a,b,s\nA man.,A boy.,4.5\nA man.,Rain.,0\n")
    pairs = read_scored_pairs(table, text="a", text_pair="b", score="s")
    assert [(one.text, one.text_pair, one.score) for one in pairs] == [
        ("A man.", "A boy.", 4.5),
        ("A man.", "Rain.", 0),
    ]
    assert pairs[0].group == pairs[1].group
    assert [one.text for one in read_plain_texts(table, text="b")] == ["A boy.", "Rain."]


@pytest.mark.parametrize("score", ["", "nan", "high"])
def test_a_score_that_is_no_number(tmp_path, score):
    table = written(tmp_path / "pairs.csv", f"a,b,s\nA man.,A boy.,{score}\n")
    with pytest.raises(UserError, match=r"column 's': is .* not a finite number"):
        read_scored_pairs(table, text="a", text_pair="b", score="s")
