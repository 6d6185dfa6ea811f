"""Words with tags, from files of CoNLL and from columns."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.config.data import TableSource, TaggedSource
from harness.data.load import read_texts
from harness.data.tagged import read_tagged
from harness.errors import UserError

LABELS = ("O", "B-per", "I-per", "B-loc", "I-loc")


def written(path: Path, text: str) -> TaggedSource:
    path.write_text(text, encoding="utf-8")
    return TaggedSource(tagged=path)


def read(source: TaggedSource, role: str = "evaluation") -> list[tuple[str, str]]:
    return [(one.text, " ".join(one.tags)) for one in read_tagged(source, LABELS, role)]


def test_conll_with_tabs_with_blanks_and_with_more_columns(tmp_path: Path) -> None:
    two = written(tmp_path / "two.conll", "Jo\tB-per\nBo\tI-per\nsat\tO\n\n\nin\tO\nOslo\tB-loc")
    assert read(two) == [("Jo Bo sat", "B-per I-per O"), ("in Oslo", "O B-loc")]
    four = written(tmp_path / "four.txt", "Jo NNP B-NP I-per\r\nsat VBD B-VP O\r\n\r\n")
    assert read(four) == [("Jo sat", "B-per O")], "the last column is the tag, and IOB1 is read"
    odd = written(tmp_path / "odd.conll", "a\u2028b\tO\n")
    assert read(odd) == [("a\u2028b", "O")], "a line of Unicode's own is none of the file's"


def test_sentences_of_a_document_are_one_group_and_else_equal_ones(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- O O\n\nJo B-per\n\nBo B-per\n\n-DOCSTART- -X- O O\n\nJo B-per\n"
    a, b, c = read_tagged(written(tmp_path / "documents.conll", text), LABELS, "evaluation")
    assert a.group == b.group != c.group
    a, b, c = read_tagged(written(tmp_path / "plain.conll", "Jo O\n\nBo O\n\nJo O\n"), LABELS, "evaluation")
    assert a.group == c.group != b.group
    assert (a.id, b.id) == ("plain:0", "plain:1")


def test_columns_of_names_and_of_numbers(tmp_path: Path) -> None:
    rows = [{"tokens": ["Jo", "sat"], "ner_tags": ["S-per", "O"]}, {"tokens": ["Oslo"], "ner_tags": [3]}]
    lines = written(tmp_path / "rows.jsonl", "\n".join(map(json.dumps, rows)))
    assert read(lines) == [("Jo sat", "B-per O"), ("Oslo", "B-loc")]
    pq.write_table(pa.table({"text": [["Oslo"]], "labels": [["B-loc"]]}), tmp_path / "rows.parquet")
    table = TaggedSource(tagged=tmp_path / "rows.parquet", words="text", tags="labels")
    assert read(table) == [("Oslo", "B-loc")]


def test_out_of_distribution_data_need_no_tags(tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text\na fine  film\n")
    table = TableSource(table=tmp_path / "texts.csv")
    (found,) = read_tagged(table, LABELS, "out-of-distribution")
    assert (found.words, found.tags) == (("a", "fine", "film"), ("O", "O", "O"))
    with pytest.raises(UserError, match=r"texts.csv is not named as words with tags; name a file"):
        read_tagged(table, LABELS, "evaluation")


def test_words_with_tags_are_no_texts_with_labels(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("Oslo B-loc\n")
    with pytest.raises(UserError, match=r"train.conll is named as words with tags, but text-classification needs"):
        read_texts(TaggedSource(tagged=tmp_path / "train.conll"), ("a", "b"), "train")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.conll", "Jo\n", "line 1: has one column, 'Jo'; write the word first"),
        ("a.conll", "Jo B-per\nOslo B-city\n", "line 1: has the tag 'B-city', not a label of the task"),
        ("a.conll", "\n\nJo person\n", "line 3: has the tag 'person', which is none of IOB1, IOB2, BIOES or BILOU"),
        ("a.jsonl", '{"tokens": ["a", "b"], "ner_tags": ["O"]}', "line 1: has 2 words and 1 tags"),
        ("a.jsonl", '{"tokens": "a b", "ner_tags": ["O"]}', "column 'tokens': is 'a b', not a list"),
        ("a.jsonl", '{"tokens": [" "], "ner_tags": ["O"]}', "column 'tokens': is ' ', an empty text"),
        ("a.jsonl", '{"tokens": ["a"], "ner_tags": [5]}', "column 'ner_tags': is 5, not a label of the task"),
        ("a.jsonl", '{"tokens": ["a"], "tags": ["O"]}', "no column 'ner_tags'"),
    ],
)
def test_bad_data_is_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        read(written(tmp_path / name, text))
    assert message in str(raised.value) and "\n" not in str(raised.value)
