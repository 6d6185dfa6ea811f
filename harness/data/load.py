"""Checked examples of a data source of the config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.config.data import (
    CandidatesSource,
    CorpusSource,
    DataSource,
    EmbeddedSource,
    HubSource,
    QueriesSource,
    SquadSource,
    TableSource,
    TaggedSource,
    TrainingSource,
)
from harness.config.task_registry import task_class
from harness.data.sampling import sample
from harness.errors import UserError
from harness.examples.records import CandidateList, Example, LabelledText, PlainText, Query, ScoredPair, TextPair

OTHER = "out-of-distribution"
"""The role of data on which no prediction is right or wrong."""


def load_examples(
    source: TrainingSource, *, task: str, labels: tuple[str, ...] | None, role: str, seed: int
) -> list[Example]:
    """Read, check and sample the examples of a source, in its order.

    ``labels`` are the class names of text-classification, ``role`` ("bank", "evaluation", ...) is for the
    messages, ``seed`` chooses the sample. Fewer examples than ``source.sample`` are all kept. Of several sources the
    number of each, from 1, stands before its ids and groups: what is called alike in two of them is not the same.

    Raises:
        UserError: a source cannot be read, does not fit the task, holds a bad example, or none at all.
    """
    if isinstance(source, tuple):
        return [
            replace(example, id=f"{number}/{example.id}", group=f"{number}/{example.group}")
            for number, one in enumerate(source, start=1)
            for example in load_examples(one, task=task, labels=labels, role=role, seed=seed)
        ]
    kind = task_class(task)
    if isinstance(source, EmbeddedSource):
        raw_examples = _embedded(source, task, labels, role)
    else:
        raw_examples = kind.read(source, labels=labels, role=role)
    examples = [kind.prepared(example) for example in raw_examples]
    if not examples:
        raise UserError(f"{role} data: {describe(source)} holds no examples; name another source")
    return sample(examples, source.sample, seed=seed) if source.sample else examples


def _embedded(source: EmbeddedSource, task: str, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
    from harness.demo.corpora import CORPORA, DOCUMENTS, generate

    # A task that is made of another has that one's corpus, unless it has its own.
    named = (getattr(kind, "name", None) for kind in task_class(task).__mro__)
    name = DOCUMENTS if role == "corpus" else next((name for name in named if name in CORPORA), task)
    own = CORPORA[name].labels if name in CORPORA else None
    if labels is not None and own is not None and labels != own:
        raise UserError(
            f"{role} data: labels are {', '.join(labels)}, but the embedded corpus has {', '.join(own)}; use these, in "
            "this order"
        )
    return generate(name, source.embedded, source.size, source.seed)


def source_files(source: TrainingSource) -> list[Path]:
    """The local files that are the source: their content identifies the data. None for hub and embedded.

    Raises:
        UserError: a file is missing or empty.
    """
    from harness.data.files import existing_file

    match source:
        case tuple():
            return [file for one in source for file in source_files(one)]
        case SquadSource():
            return [existing_file(source.squad)]
        case TableSource():
            return [existing_file(source.table)]
        case CandidatesSource():
            return [existing_file(file) for file in (source.candidates, source.queries, source.qrels, source.corpus)]
        case CorpusSource():
            return [existing_file(source.corpus)]
        case QueriesSource():
            return [existing_file(source.queries), existing_file(source.qrels)]
        case TaggedSource():
            return [existing_file(source.tagged)]
    return []


def describe(source: TrainingSource) -> str:
    """The source in a few words, for messages and reports."""
    match source:
        case tuple():
            return " and ".join(dict.fromkeys(map(describe, source)))
        case SquadSource():
            return source.squad.name
        case TableSource():
            return source.table.name
        case CandidatesSource():
            return source.candidates.name
        case CorpusSource():
            return source.corpus.name
        case QueriesSource():
            return source.queries.name
        case TaggedSource():
            return source.tagged.name
        case HubSource():
            return f"{source.hub} ({source.split})"
        case EmbeddedSource():
            return f"embedded {source.embedded}"


def read_questions(source: DataSource, role: str) -> Sequence[Example]:
    """All examples of a source of questions. Raises `UserError`, also where it is one of texts."""
    match source:
        case SquadSource():
            from harness.data.squad import read_squad

            return read_squad(source.squad)
        case HubSource():
            from harness.data.hub import read_hub_questions

            return read_hub_questions(source)
        case _:
            what = "the table" if isinstance(source, TableSource) else "the file"
            raise UserError(
                f"{role} data: {what} {source_files(source)[0]} holds texts, not questions; "
                "name a SQuAD-layout file with `squad:`"
            )


_NAMED_AS: dict[type, str] = {
    SquadSource: "questions",
    TaggedSource: "words with tags",
    QueriesSource: "queries",
    CandidatesSource: "queries with candidates",
}


def read_texts(source: DataSource, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
    """All examples of a source of texts with labels, which `OTHER` data may lack. Raises `UserError`, also of
    questions."""
    if not isinstance(source, TableSource | HubSource):
        what = _NAMED_AS.get(type(source), "texts without labels")
        raise UserError(
            f"{role} data: {source_files(source)[0]} is named as {what}, but text-classification needs texts with "
            "labels; name a CSV, JSONL or Parquet file with `table:`"
        )
    if not labels:
        raise UserError(f"{role} data: text-classification needs the class names; add `labels:` to the task")
    if isinstance(source, TableSource):
        if source.text_pair is not None:
            raise UserError(
                f"{role} data: text_pair {source.text_pair!r} of {source.table} would not be read by "
                "text-classification; use the task text-pair-classification, or remove it"
            )
        from harness.data.tables import read_table

        return read_table(source.table, text=source.text, label=source.label, labels=labels, judged=role != OTHER)
    from harness.data.hub import read_hub_texts

    return read_hub_texts(source, labels, judged=role != OTHER)


def read_label_sets(source: DataSource, labels: tuple[str, ...] | None, role: str) -> Sequence[LabelledText]:
    """All texts of a table with their labels; of `OTHER` data none is read. Raises `UserError`."""
    if not isinstance(source, TableSource):
        raise UserError(
            f"{role} data: {describe(source)} is not named as texts with labels; name a CSV, JSONL or Parquet file "
            "with `table:`, and its columns with `text:` and `label:`"
        )
    from harness.data import tables

    if role == OTHER:
        texts = tables.read_plain_texts(source.table, text=source.text)
        return [LabelledText(one.id, one.group, one.text, ()) for one in texts]
    columns = {"text": source.text, "label": source.label, "separator": source.separator}
    return tables.read_label_sets(source.table, **columns, labels=labels or ())


def read_labelled_pairs(source: DataSource, labels: tuple[str, ...] | None, role: str) -> Sequence[TextPair]:
    """All pairs of a table with their classes, which `OTHER` data may lack. Raises `UserError`."""
    table = _table_of_pairs(source, role, "label")
    from harness.data.tables import read_labelled_pairs

    columns = {"text": table.text, "text_pair": table.text_pair or "text_pair", "label": table.label}
    return read_labelled_pairs(table.table, **columns, labels=labels or (), judged=role != OTHER)


def read_scored_pairs(source: DataSource, role: str) -> Sequence[ScoredPair]:
    """All pairs of a table with their scores, which `OTHER` data may lack. Raises `UserError`."""
    table = _table_of_pairs(source, role, "score")
    from harness.data.tables import read_scored_pairs

    columns = {"text": table.text, "text_pair": table.text_pair or "text_pair", "score": table.score}
    return read_scored_pairs(table.table, **columns, judged=role != OTHER)


def _table_of_pairs(source: DataSource, role: str, judged: str) -> TableSource:
    if not isinstance(source, TableSource):
        raise UserError(
            f"{role} data: {describe(source)} is not named as pairs with a {judged}; name a CSV, JSONL or Parquet file "
            f"with `table:`, and its columns with `text:`, `text_pair:` and `{judged}:`"
        )
    return source


def read_plain_texts(source: DataSource, role: str) -> Sequence[PlainText]:
    """All texts of a table's column, or of a corpus, whatever else is beside them. Raises `UserError`."""
    match source:
        case CorpusSource():
            from harness.data.beir import read_corpus

            return read_corpus(source.corpus)
        case TableSource():
            from harness.data.tables import read_plain_texts

            return read_plain_texts(source.table, text=source.text)
    raise UserError(
        f"{role} data: {describe(source)} is no source of plain texts; name a CSV, JSONL or Parquet file with "
        "`table:`, or BEIR's corpus.jsonl with `corpus:`"
    )


def read_queries(source: DataSource, role: str) -> Sequence[Query]:
    """All queries that have a relevant document. Raises `UserError`."""
    if not isinstance(source, QueriesSource):
        raise UserError(
            f"{role} data: {describe(source)} is not named as queries; name BEIR's queries.jsonl with `queries:`, and "
            "the TSV file of judgements with `qrels:`"
        )
    from harness.data import beir

    return beir.read_queries(source.queries, source.qrels)


def read_candidate_lists(source: DataSource, role: str) -> Sequence[CandidateList]:
    """All queries that have a relevant document and candidates. Raises `UserError`."""
    from harness.data import candidates

    match source:
        case CandidatesSource():
            return candidates.read_run(source)
        case TableSource():
            return candidates.grouped(source.table, read_scored_pairs(source, role))
    raise UserError(
        f"{role} data: {describe(source)} is not named as queries with candidates; name a run with `candidates:`, "
        "and BEIR's files with `queries:`, `qrels:` and `corpus:`, or a table of pairs with `table:`"
    )
