"""Candidates of queries: runs, and tables of pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.data import CandidatesSource, TableSource
from harness.data.load import read_candidate_lists, source_files
from harness.errors import UserError

QUERIES = '{"_id": "q1", "text": "wings"}\n{"_id": "q2", "text": "heat"}\n{"_id": "q3", "text": "noise"}\n'
CORPUS = "".join(f'{{"_id": "{id}", "title": "", "text": "of {id}"}}\n' for id in ("a", "b", "c"))
QRELS = "query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\tz\t1\nq2\tb\t0\nq3\tc\t1\n"
TREC = "q1 Q0 b 2 1.5 bm25\nq1 Q0 a 1 7 bm25\nq1 Q0 c 3 -2 bm25\nq2 Q0 b 1 3 bm25\n"


def source(folder: Path, run: str, depth: int = 100) -> CandidatesSource:
    files = {"run": run, "queries": QUERIES, "qrels": QRELS, "corpus": CORPUS}
    for name, text in files.items():
        (folder / name).write_text(text)
    places = {name: folder / name for name in ("queries", "qrels", "corpus")}
    return CandidatesSource.model_validate({"candidates": folder / "run", **places, "depth": depth})


def test_a_run_of_trec_is_ordered_by_its_scores(tmp_path):
    (found,) = read_candidate_lists(source(tmp_path, TREC, depth=2), "evaluation")
    assert (found.id, found.text, found.relevant, found.grades) == ("q1", "wings", ("a", "z"), (2, 1))
    assert (found.candidates, found.documents) == (("a", "b"), ("of a", "of b"))
    assert [(one.text, one.text_pair, one.score) for one in found.pairs] == [("wings", "of a", 2), ("wings", "of b", 0)]


@pytest.mark.parametrize("header", ["", "query-id\tcorpus-id\tscore\n"])
def test_columns_with_tabs_are_in_order(tmp_path, header):
    given = source(tmp_path, header + "q1\tc\t9\nq1\ta\nq3\tb\t1\n")
    found = read_candidate_lists(given, "evaluation")
    assert [(one.id, one.candidates) for one in found] == [("q1", ("c", "a")), ("q3", ("b",))]
    assert len(source_files(given)) == 4


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("q1 a\n", "run: line 1: is 'q1 a'; write query and document with a tab between, or TREC's six"),
        ("q1 Q0 a 1 high bm25\n", "run: line 1: the score is 'high', not a number"),
        ("q1\ta\nq1\ta\n", "run: line 2: is the candidate 'a' of query 'q1' again"),
        ("q1\ty\n", "run: query 'q1': its candidate 'y' is not in "),
        ("q2\ta\n", "run: has no candidates of a query of "),
    ],
)
def test_bad_runs(tmp_path, run, message):
    with pytest.raises(UserError, match=message) as caught:
        read_candidate_lists(source(tmp_path, run), "evaluation")
    assert "\n" not in str(caught.value)


def test_pairs_of_one_text_are_the_candidates_of_a_query(tmp_path):
    (tmp_path / "t.csv").write_text("text,text_pair,score\nwings,x,0\nheat,y,0\nwings,z,2\n")
    (found,) = read_candidate_lists(TableSource(table=tmp_path / "t.csv"), "evaluation")
    assert (found.id, found.text, found.relevant, found.grades) == ("t:0", "wings", ("t:2",), (2,))
    assert (found.candidates, found.documents) == (("t:0", "t:2"), ("x", "z"))


@pytest.mark.parametrize(
    ("score", "message"), [("0.5", "pair t:0: the score 0.5 is no grade"), ("0", "no pair has a grade of 1 or more")]
)
def test_bad_grades(tmp_path, score, message):
    (tmp_path / "t.csv").write_text(f"text,text_pair,score\nwings,x,{score}\n")
    with pytest.raises(UserError, match=message):
        read_candidate_lists(TableSource(table=tmp_path / "t.csv"), "evaluation")
