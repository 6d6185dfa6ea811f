"""Queries, documents and judgements of relevance in the layout of BEIR (Thakur et al. 2021)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.checks import UniqueIds, bad_data, checked_id, checked_text, group_of, short
from harness.data.files import existing_file, read_text
from harness.data.labels import whole_number
from harness.data.rows import jsonl_rows
from harness.errors import UserError
from harness.examples.records import Example, PlainText, Query


def read_corpus(path: Path) -> list[PlainText]:
    """Every document: its title and text, with a blank between. An empty one is one that nobody finds.

    Raises:
        UserError: no such file, a line that is no document, or an id that stands twice.
    """
    documents, ids = [], UniqueIds(path)
    for place, record in jsonl_rows(path):
        id = _id(path, place, record)
        ids.add(id, place)
        parts = [record.get(name) or "" for name in ("title", "text")]
        for name, part in zip(("title", "text"), parts, strict=True):
            if part != "":
                checked_text(path, f"{place}.{name}", part)
        text = " ".join(part for part in parts if part)
        documents.append(PlainText(id, group_of(text), text))
    return documents


def read_queries(path: Path, qrels: Path) -> list[Query]:
    """Every query with a relevant document; the others say nothing about a retriever.

    Raises:
        UserError: no such file, a line that is no query or no judgement, an id that stands twice, or no query with a
            relevant document.
    """
    relevant = read_qrels(qrels)
    judged_queries, ids = [], UniqueIds(path)
    for place, record in jsonl_rows(path):
        id = _id(path, place, record)
        ids.add(id, place)
        text = checked_text(path, f"{place}.text", record.get("text"))
        judged = relevant.get(id, {})
        if judged:
            judged_queries.append(Query(id, group_of(text), text, tuple(judged), tuple(judged.values())))
    if not judged_queries:
        raise UserError(f"{qrels}: names no relevant document of a query of {path}; name the files that go together")
    return judged_queries


def query_ids(path: Path) -> list[str]:
    """Of all queries, whether or not anything is relevant to them."""
    return [_id(path, place, record) for place, record in jsonl_rows(path)]


def _id(path: Path, place: str, record: Mapping[str, Any]) -> str:
    return checked_id(path, f"{place}._id", record.get("_id", record.get("id")))


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Grades of 1 and more by document, by query."""
    grades: dict[str, dict[str, int]] = {}
    for place, (query, document, score) in _rows(path):
        grade = whole_number(score)
        if grade is None:
            raise bad_data(path, place, f"the score is {short(score)}, not a whole number", "correct it")
        if int(grade) > 0:
            grades.setdefault(query, {})[document] = int(grade)
    return grades


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Behind the header, if there is one: in it the score is no number."""
    existing_file(path)
    lines = read_text(path).split("\n")
    for number, row in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
        if not any(row) or (number == 1 and whole_number(row[-1]) is None):
            continue
        if len(row) != 3:
            what = f"has {len(row)} columns, not the three of query, document and score"
            raise bad_data(path, f"line {number}", what, "write them with tabs between")
        yield f"line {number}", row


@dataclass(frozen=True)
class AbsentDocuments:
    """Judgements of documents that are not in the corpus: they lower what any retriever can reach."""

    ids: Sequence[str]
    """Of the relevant documents that are not there."""
    relevant: int
    """How many relevant documents there are."""
    without: int
    """Queries that are left with nothing relevant."""
    queries: int
    """Queries that have a relevant document, there or not."""

    @property
    def sentence(self) -> str:
        """That they are not in the corpus, and what that leaves; of at least one id."""
        left = f", and {self.without:,} of {self.queries:,} queries have nothing relevant there" if self.without else ""
        return (
            f"{len(self.ids):,} of {self.relevant:,} relevant documents, such as {self.ids[0]!r}, are not in the "
            f"corpus, so that no query finds them{left}"
        )

    @classmethod
    def of(cls, examples: Iterable[Example], corpus: Set[str]) -> AbsentDocuments | None:
        """``corpus``: the ids of its documents. None: no example is a query with a relevant document."""
        queries = [one for one in examples if isinstance(one, Query) and one.relevant]
        if not queries:
            return None
        relevant = list(dict.fromkeys(id for query in queries for id in query.relevant))
        return cls(
            ids=[id for id in relevant if id not in corpus],
            relevant=len(relevant),
            without=sum(corpus.isdisjoint(query.relevant) for query in queries),
            queries=len(queries),
        )
