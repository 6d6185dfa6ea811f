"""Queries with the candidates that a first stage found for each: a run beside BEIR's files, or a table of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.config.data import CandidatesSource
from harness.data.beir import read_corpus, read_queries
from harness.data.checks import bad_data, short
from harness.data.files import read_text
from harness.data.labels import whole_number
from harness.errors import UserError
from harness.examples.records import CandidateList, ScoredPair

TREC = 6
"""Columns of TREC's runs: query, Q0, document, rank, score and tag."""


def read_run(source: CandidatesSource) -> list[CandidateList]:
    """Every query that has a relevant document and candidates, with the first ``depth`` of these.

    Raises:
        UserError: a file that is not there or not readable, a candidate that stands twice or is not in the corpus, or
            no query of the run with a relevant document.
    """
    run = ranked(source.candidates)
    texts = {document.id: document.text for document in read_corpus(source.corpus)}
    candidate_lists = []
    for query in read_queries(source.queries, source.qrels):
        candidates = tuple(run.get(query.id, ()))[: source.depth]
        for id in candidates:
            if id not in texts:
                raise bad_data(
                    source.candidates,
                    f"query {short(query.id)}",
                    f"its candidate {short(id)} is not in {source.corpus}",
                    "name the corpus that was searched",
                )
        if candidates:
            documents = tuple(texts[id] for id in candidates)
            candidate_lists.append(CandidateList(**vars(query), candidates=candidates, documents=documents))
    if not candidate_lists:
        raise UserError(
            f"{source.candidates}: has no candidates of a query of {source.queries} with a relevant document; name the "
            "files that go together"
        )
    return candidate_lists


def grouped(path: Path, pairs: Sequence[ScoredPair]) -> list[CandidateList]:
    """Pairs that begin with one text are the candidates of a query, in the order of the table; a score is a grade.

    Queries without a relevant candidate (from grade 1 on) are left out: they say nothing about an order. Raises
    `UserError` where none is left, or a score is no grade.
    """
    for pair in pairs:
        if whole_number(pair.score) is None:
            what = f"the score {pair.score:g} is no grade, a whole number"
            raise bad_data(path, f"pair {pair.id}", what, "correct it, or use text-pair-regression")
    candidate_lists = []
    for text, own in by_query(pairs).items():
        if relevant := {pair.id: int(pair.score) for pair in own if pair.score > 0}:
            candidate_lists.append(
                CandidateList(
                    own[0].id,
                    own[0].group,
                    text,
                    tuple(relevant),
                    tuple(relevant.values()),
                    candidates=tuple(pair.id for pair in own),
                    documents=tuple(pair.text_pair for pair in own),
                )
            )
    if pairs and not candidate_lists:
        raise UserError(f"{path}: no pair has a grade of 1 or more, so that nothing is relevant; correct the scores")
    return candidate_lists


def by_query(pairs: Sequence[ScoredPair]) -> dict[str, list[ScoredPair]]:
    lists: dict[str, list[ScoredPair]] = {}
    for pair in pairs:
        lists.setdefault(pair.text, []).append(pair)
    return lists


def ranked(path: Path) -> dict[str, list[str]]:
    """The candidates of each query, best first."""
    scored: dict[str, dict[str, float]] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        query, document, score = _candidate(path, f"line {number}", line)
        own = scored.setdefault(query, {})
        if document in own:
            what = f"is the candidate {short(document)} of query {short(query)} again"
            raise bad_data(path, f"line {number}", what, "name every candidate once")
        own[document] = score
    # The sort is stable: what is not scored stays in its order.
    return {query: sorted(own, key=lambda document: -own[document]) for query, own in scored.items()}


def _candidate(path: Path, place: str, line: str) -> tuple[str, str, float]:
    columns = line.split()
    if len(columns) == TREC:
        query, _, document, _, score, _ = columns
        try:
            return query, document, float(score)
        except ValueError:
            raise bad_data(path, place, f"the score is {short(score)}, not a number", "correct it") from None
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) < 2:
        way_out = "write query and document with a tab between, or TREC's six columns"
        raise bad_data(path, place, f"is {short(line)}", way_out)
    return columns[0], columns[1], 0.0
