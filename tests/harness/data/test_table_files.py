from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.data.tables import read_label_sets, read_table
from harness.errors import UserError
from harness.examples.records import TextExample

LABELS = ("negative", "positive")
TEXTS = ["good, really", 'he said "no"\nand left', "caf\u00e9 \U0001f600 \u2028 x\x00y", "good, really"]
VALUES = [1, 0, 0, 1]


def write(path: Path, texts: list[Any], values: list[Any], names: tuple[str, str] = ("text", "label")) -> Path:
    match path.suffix:
        case ".csv":
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([names, *zip(texts, values, strict=True)])
        case ".jsonl":
            rows = (dict(zip(names, row, strict=True)) for row in zip(texts, values, strict=True))
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), newline="")
        case ".parquet":
            pq.write_table(pa.table(dict(zip(names, (texts, values), strict=True))), path)
    return path


def read(path: Path, **options: Any) -> list[TextExample]:
    return read_table(path, **{"text": "text", "label": "label", "labels": LABELS, **options})


def complaint(path: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(path, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(str(path))
    assert "; " in message  # the way out
    return message


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".CSV"])
def test_every_row_in_the_order_of_the_file(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"reviews{suffix.lower()}", TEXTS, VALUES)
    path = path.rename(path.with_suffix(suffix))
    examples = read(path)
    assert [example.text for example in examples] == TEXTS
    assert [example.label for example in examples] == VALUES
    assert [example.id for example in examples] == [f"reviews:{index}" for index in range(4)]
    assert examples[0].group == examples[3].group != examples[1].group


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_the_columns_are_named(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"reviews{suffix}", TEXTS, VALUES, ("review", "sentiment"))
    assert [example.label for example in read(path, text="review", label="sentiment")] == VALUES
    message = complaint(path, label="sentiment")
    assert "no column 'text', the columns are 'review, sentiment'; name the column with `text:`" in message
    assert "no column 'class'" in complaint(path, text="review", label="class")


def test_a_text_of_a_million_characters(tmp_path: Path) -> None:
    text = "word " * 200_000
    before = csv.field_size_limit()
    assert read(write(tmp_path / "long.csv", [text], [1]))[0].text == text
    assert csv.field_size_limit() == before


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufefftext,label\r\n\r\ngood,1\r\n\r\n", newline="", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('\n{"text": "good", "label": 1}\r\n\n', newline="")
    for name in ("a.csv", "a.jsonl"):
        assert [(example.text, example.label) for example in read(tmp_path / name)] == [("good", 1)]


@pytest.mark.parametrize(
    ("labels", "value", "expected"),
    [
        (LABELS, "positive", 1),
        (LABELS, " negative ", 0),
        (LABELS, "1", 1),
        (LABELS, 1, 1),
        (LABELS, 1.0, 1),
        (LABELS, "1.0", 1),  # as a CSV has a column that pandas made one of floats
        (("1", "0"), 0, 1),  # names win
        (("1", "2", "3"), 3, 2),
        (("1", "2", "3"), "3.0", 2),
        (("0", "1"), "0.0", 0),
        (("-1", "1"), -1, 0),
    ],
)
def test_labels_are_names_or_indices(tmp_path: Path, labels: tuple[str, ...], value: Any, expected: int) -> None:
    path = write(tmp_path / "a.jsonl", ["good"], [value])
    assert read(path, labels=labels)[0].label == expected


@pytest.mark.parametrize(
    ("labels", "value"),
    [
        (LABELS, 2),
        (LABELS, -1),
        (LABELS, "neutral"),
        (LABELS, "Positive"),
        (LABELS, ""),
        (LABELS, None),
        (LABELS, True),
        (LABELS, 0.5),
        (LABELS, "01"),
        (LABELS, "\u00b2"),
        (LABELS, float("nan")),
        (LABELS, float("inf")),
        (LABELS, [1]),
        (LABELS, "9" * 5_000),
        (("1", "2"), 0),
    ],
)
def test_a_label_that_the_task_does_not_have(tmp_path: Path, labels: tuple[str, ...], value: Any) -> None:
    path = write(tmp_path / "a.jsonl", ["good", "bad"], [labels[0], value])
    message = complaint(path, labels=labels)
    assert "a.jsonl: line 2, column 'label': is " in message
    assert "not a label of the task (" in message
    assert len(message) < 400


def test_the_message_of_an_unknown_label(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["good\nand long", "bad"], [1, 7])
    assert complaint(path) == (
        f"{path}: line 4, column 'label': is '7', not a label of the task (0 to 1 or negative, positive); "
        "correct it, or `labels` in the config"
    )


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("text", ["", " \t "])
def test_an_empty_text(tmp_path: Path, suffix: str, text: str) -> None:
    path = write(tmp_path / f"a{suffix}", ["good", text], [1, 0])
    place = "row 1" if suffix == ".parquet" else f"line {3 if suffix == '.csv' else 2}"
    assert f"{place}, column 'text': is {text!r}, an empty text" in complaint(path)


def test_a_text_that_is_none(tmp_path: Path) -> None:
    assert "is None, not a text" in complaint(write(tmp_path / "a.parquet", ["good", None], [1, 0]))
    assert "is 5, not a text" in complaint(write(tmp_path / "a.jsonl", [5], [1]))


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("a.csv", b"", "the data file is empty"),
        ("a.csv", b"\n", "no column 'text', the columns are ''"),
        ("a.csv", b"text,label,text\na,1,b\n", "several columns 'text'"),
        ("a.csv", b"text;label\ngood, really;1\n", "the header has no comma but ';'"),
        ("a.csv", b"text\tlabel\ngood\t1\n", "save it again as comma-separated"),
        ("a.csv", b"text,label\ngood, really,1\n", "line 2: has 3 fields, the header 2; quote fields"),
        ("a.csv", b"text,label\ngood,1\nbad\n", "line 3: has 1 fields, the header 2"),
        ("a.csv", b'text,label\ngood,1\n"bad and cut', "a quoted field does not end"),
        ("a.csv", b'text,label\n"good" one,1\n', "line 2: is not CSV ("),
        (
            "a.csv",
            b"text,label\ncaf\xe9,1\n",
            "line 2: byte 0xe9 at offset 14 is not UTF-8; convert the file",
        ),
        ("a.jsonl", b'{"text": "good", "label": 1}\n{"text": "ba', "line 2: is not JSON ("),
        ("a.jsonl", b'{"text": "good"}\n', "line 1: no column 'label', the columns are 'text'"),
        ("a.jsonl", b"[1]\n", "line 1: is [1], not an object; write one object a line"),
        ("a.jsonl", b"[" * 100_000, "line 1: is not JSON ("),
        ("a.jsonl", b'{"text": "\\ud83d", "label": 1}', "half of a surrogate pair"),
        ("a.parquet", b"PAR1 and no more", "not readable as Parquet ("),
        ("a.parquet", b"", "the data file is empty"),
        ("a.tsv", b"text\tlabel\n", "the suffix '.tsv' is none of .csv, .jsonl, .parquet; convert"),
        ("a", b"text,label\n", "the suffix '' is none of"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, name: str, raw: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    assert expected in complaint(path)


def test_a_truncated_parquet_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", TEXTS * 100, VALUES * 100)
    whole = path.read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "not readable as Parquet" in complaint(path)
    damaged = bytearray(whole)
    damaged[4:60] = b"\xff" * 56
    path.write_bytes(damaged)
    assert "not readable as Parquet" in complaint(path)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_file_that_is_not_there(tmp_path: Path, suffix: str) -> None:
    assert "no such data file; correct the path" in complaint(tmp_path / f"none{suffix}")


@pytest.mark.parametrize(
    ("suffix", "values"),
    [
        (".csv", ["c; a;a", "", "b", "2 ;0"]),
        (".jsonl", [["c", "a", "a"], [], "b", [2, "0"]]),
        (".jsonl", ["c;a", None, 1, ["a", "c"]]),
        (".parquet", [["c", "a"], [], ["b"], ["2", "0"]]),
    ],
)
def test_texts_with_any_number_of_labels(tmp_path: Path, suffix: str, values: list[Any]) -> None:
    path = write(tmp_path / f"labels{suffix}", TEXTS, values)
    found = read_label_sets(path, text="text", label="label", labels=("a", "b", "c"), separator=";")
    assert [one.labels for one in found] == [(0, 2), (), (1,), (0, 2)]
    assert [one.text for one in found] == TEXTS
    assert found[0].gold(("a", "b", "c")) == ("a, c",)


def test_one_of_several_labels_that_the_task_does_not_have(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.csv", TEXTS[:1], ["a;d"])
    with pytest.raises(UserError, match="line 2, column 'label': is 'd', not a label of the task"):
        read_label_sets(path, text="text", label="label", labels=("a", "b"), separator=";")
