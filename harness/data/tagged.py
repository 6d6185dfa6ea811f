"""Sentences as words with tags: files of CoNLL, and columns of words and tags in JSONL and Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.config.data import DataSource, TableSource, TaggedSource
from harness.data.checks import bad_data, checked_text, group_of, short
from harness.data.files import read_text
from harness.data.labels import checked_label
from harness.data.tables import read_plain_texts, rows_of
from harness.errors import UserError
from harness.examples.entities import in_iob2
from harness.examples.records import TaggedSentence

DOCUMENT = "-DOCSTART-"
"""What CoNLL-2003 puts before a document, in the place of a sentence."""

TABLES = (".jsonl", ".parquet")


def read_tagged(source: DataSource, labels: Sequence[str], role: str) -> list[TaggedSentence]:
    """Every sentence of the source, in its order, its tags in IOB2.

    Its id is the file's name and its number, from 0. Sentences of a document are of one group, where the file tells
    documents apart; else equal sentences are. Out-of-distribution data need no tags: a table's texts are read as
    words that stand apart.

    Raises:
        UserError: another source, no such file, or a sentence without words, with other numbers of words and tags, or
            with a tag that is none of ``labels``.
    """
    from harness.data.load import OTHER, describe

    if isinstance(source, TableSource) and role == OTHER:
        texts = read_plain_texts(source.table, text=source.text)
        return [TaggedSentence(one.id, one.group, (), ()).of(one.text) for one in texts]
    if not isinstance(source, TaggedSource):
        raise UserError(
            f"{role} data: {describe(source)} is not named as words with tags; name a file of CoNLL, JSONL or Parquet "
            "with `tagged:`"
        )
    path = source.tagged
    in_columns = path.suffix.lower() in TABLES
    sentences = _columns(path, source.words, source.tags, labels) if in_columns else _conll(path)
    return [
        TaggedSentence(f"{path.stem}:{index}", group, words, _checked_tags(path, place, tags, labels))
        for index, (place, group, words, tags) in enumerate(sentences)
    ]


RawSentence = tuple[str, str, tuple[str, ...], list[str]]
"""Place in the file, group, words and tags as they are given."""


def _conll(path: Path) -> Iterator[RawSentence]:
    """The first column is the word, the last the tag; they stand apart by tabs, or else by blanks."""
    document, number = "", 0
    words: list[str] = []
    tags: list[str] = []
    start = 1
    for line_number, line in enumerate([*read_text(path).split("\n"), ""], start=1):
        if line.strip():
            place = f"line {line_number}"
            columns = [part.strip() for part in (line.rstrip().split("\t") if "\t" in line else line.split())]
            if columns[0] == DOCUMENT:
                number += 1
                document = f"{path.stem} document {number}"
                continue
            if len(columns) < 2:
                way_out = "write the word first and its tag last, a tab between them, and nothing between sentences"
                raise bad_data(path, place, f"has one column, {short(line)}", way_out)
            if not words:
                start = line_number
            words.append(checked_text(path, f"{place}, the word", columns[0]))
            tags.append(columns[-1])
        elif words:
            yield f"line {start}", document or group_of(" ".join(words)), tuple(words), tags
            words, tags = [], []


def _columns(path: Path, words: str, tags: str, labels: Sequence[str]) -> Iterator[RawSentence]:
    for place, (given, tagged) in rows_of(path, {"words": words, "tags": tags}):
        for column, value in ((words, given), (tags, tagged)):
            if not isinstance(value, list) or not value:
                what = f"is {short(value)}, not a list with something in it"
                raise bad_data(path, f"{place}, column {column!r}", what, "give a list of words, and one of their tags")
        if len(given) != len(tagged):
            what = f"has {len(given)} words and {len(tagged)} tags"
            raise bad_data(path, place, what, "give every word a tag")
        for word in given:
            checked_text(path, f"{place}, column {words!r}", word)
        named = [_name(path, f"{place}, column {tags!r}", tag, labels) for tag in tagged]
        yield place, group_of(" ".join(given)), tuple(given), named


def _name(path: Path, place: str, tag: Any, labels: Sequence[str]) -> str:
    return tag if isinstance(tag, str) else labels[checked_label(path, place, tag, labels)]


def _checked_tags(path: Path, place: str, tags: list[str], labels: Sequence[str]) -> tuple[str, ...]:
    try:
        iob2_tags = in_iob2(tags)
    except ValueError as error:
        what = f"has the tag {short(str(error))}, which is none of IOB1, IOB2, BIOES or BILOU"
        raise bad_data(path, place, what, "write O, B-TYPE or I-TYPE") from None
    for tag in iob2_tags:
        if tag not in labels:
            what = f"has the tag {short(tag)}, not a label of the task ({', '.join(labels)})"
            raise bad_data(path, place, what, "correct it, or `labels` in the config")
    return iob2_tags
