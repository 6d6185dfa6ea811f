from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from harness.data.squad import read_squad
from harness.errors import UserError
from harness.examples.records import QuestionExample

CONTEXT = "Bob \U0001f600 lives in Paris. Alice\u0000 lives\u2028in caf\u00e9 Paris."


def answer(text: str, start: int) -> dict[str, Any]:
    return {"text": text, "answer_start": start}


def tree() -> dict[str, Any]:
    questions = [
        {"id": "q1", "question": "Where?", "answers": [answer("Paris", 15)], "is_impossible": False},
        {
            "id": "q2",
            "question": "Why?",
            "answers": [],
            "plausible_answers": [answer("no such text", 999)],
            "is_impossible": True,
        },
        {
            "id": "q3",
            "question": " Who?",
            "answers": [answer("Bob", 0), answer("Alice", 22), answer("Bob", 0)],
        },
    ]
    other = {"context": "The cat sat.", "qas": [{"id": "q4", "question": "Who sat?", "answers": []}]}
    paragraphs = [{"context": CONTEXT, "qas": questions}]
    return {"version": "v2.0", "data": [{"title": "T", "paragraphs": paragraphs}, {"paragraphs": [other]}]}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def complaint(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_squad(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "; " in message  # the way out
    return message


def test_every_question_in_the_order_of_the_file(tmp_path: Path) -> None:
    examples = read_squad(write(tmp_path / "data.json", tree()))
    assert [example.id for example in examples] == ["q1", "q2", "q3", "q4"]
    assert [example.answerable for example in examples] == [True, False, True, False]
    assert examples[0].context == CONTEXT
    assert examples[2].question == " Who?"
    assert examples[2].answers == ("Bob", "Alice", "Bob")
    assert examples[2].answer_starts == (0, 22, 0)
    assert examples[0].group == examples[1].group == examples[2].group != examples[3].group


def test_the_group_is_the_paragraph_wherever_it_stands(tmp_path: Path) -> None:
    content = tree()
    content["data"].append({"paragraphs": [{"context": CONTEXT, "qas": [{**QUESTION, "id": "q5"}]}]})
    examples = read_squad(write(tmp_path / "data.json", content))
    assert examples[-1].group == examples[0].group


QUESTION = {"id": "q9", "question": "What?", "answers": []}


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps(tree()), encoding="utf-8-sig")
    assert len(read_squad(path)) == 4


def first_paragraph(content: dict[str, Any]) -> dict[str, Any]:
    paragraph: dict[str, Any] = content["data"][0]["paragraphs"][0]
    return paragraph


def edit(index: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: first_paragraph(content)["qas"][index].update(values)


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return change


PLACE = "data[0].paragraphs[0].qas"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            edit(0, answers=[answer("Paris", 14)]),
            f"{PLACE}[0].answers[0].answer_start: is 14, where the context reads ' Pari', but 'Paris' "
            "stands at 15; correct the offset or the text",
        ),
        (edit(0, answers=[answer("Rome", 3)]), "'Rome' is not in the context"),
        (edit(0, answers=[answer("Paris", -5)]), "is -5, outside of the context of"),
        (edit(0, answers=[answer("Paris", 5000)]), "is 5000, outside of the context of"),
        (edit(0, answers=[{"text": "Paris", "answer_start": "15"}]), "is '15', not a whole number"),
        (edit(0, answers=[{"text": "Paris", "answer_start": True}]), "is True, not a whole number"),
        (edit(0, answers=[{"text": "Paris", "answer_start": 15.0}]), "is 15.0, not a whole number"),
        (edit(0, answers=[{"text": "Paris"}]), "answers[0]: has the keys 'text', but no 'answer_start'"),
        (
            edit(0, answers=[{"text": "", "answer_start": 0}]),
            f"{PLACE}[0].answers[0].text: is '', an empty text",
        ),
        (edit(0, answers={"text": ["Paris"], "answer_start": [15]}), "answers: is {'text': ['Paris'], 'ans"),
        (edit(0, answers=["Paris"]), "answers[0]: is 'Paris', not an object"),
        (edit(0, is_impossible=True), f"{PLACE}[0].is_impossible: is true, but the question has 1 answers"),
        (edit(1, is_impossible=False), f"{PLACE}[1].is_impossible: is false, but the question has 0 answers"),
        (edit(1, is_impossible="yes"), f"{PLACE}[1].is_impossible: is 'yes'"),
        (
            edit(2, id="q1"),
            f"{PLACE}[2].id: is 'q1', the id of {PLACE}[0] too; give every question its own id",
        ),
        (edit(2, id=""), f"{PLACE}[2].id: is '', not an id"),
        (edit(2, id=7.5), f"{PLACE}[2].id: is 7.5, not an id"),
        (edit(2, id=True), f"{PLACE}[2].id: is True, not an id"),
        (
            edit(1, question=" \n"),
            f"{PLACE}[1].question: is ' \\n', an empty text; fill it in or leave it out",
        ),
        (edit(1, question=None), f"{PLACE}[1].question: is None, not a text"),
        (edit(1, question="\ud83d?"), "character 0 is '\\ud83d', half of a surrogate pair"),
        (
            lambda content: first_paragraph(content).update(context=""),
            "paragraphs[0].context: is '', an empty text",
        ),
        (lambda content: first_paragraph(content).update(qas=3), "paragraphs[0].qas: is 3, not a list"),
        (drop("data", 1, "paragraphs"), "data[1]: has the keys '', but no 'paragraphs'"),
        (drop("data", 0, "paragraphs", 0, "qas", 0, "question"), "but no 'question'"),
        (drop("data"), "the file: has the keys 'version', but no 'data'; put it into the SQuAD layout"),
    ],
)
def test_a_bad_record_is_named_with_its_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], expected: str
) -> None:
    content = tree()
    change(content)
    path = write(tmp_path / "data.json", content)
    message = complaint(path)
    assert message.startswith(f"{path}: ")
    assert expected in message


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "the data file is empty"),
        (b"   ", "line 1, column 4: the JSON ends in the middle"),
        (json.dumps(tree()).encode()[:100], "the JSON ends in the middle; fetch the whole file again"),
        (json.dumps(tree()).encode()[:-1], "the JSON ends in the middle"),
        (json.dumps(tree(), indent=1).encode()[:400], "the JSON ends in the middle"),
        (b"[1, 2", "the JSON ends in the middle"),
        (b'{"data": tru', "the JSON ends in the middle"),
        (b"id,question\n1,why\n", "line 1, column 1: is not JSON (Expecting value)"),
        (b'{"data": [],}', "line 1, column 13: is not JSON"),
        (b'{"data": []}\n{"data": []}', "line 2, column 1: is not JSON (Extra data)"),
        (b"[]", "the file: is [], but no 'data'"),
        (b'"data"', "the file: is 'data', but no 'data'"),
        (b"[" * 100_000 + b"]" * 100_000, "the JSON: cannot be read ("),
        (b'{"data": ' + b"9" * 5_000 + b"}", "the JSON: cannot be read ("),
        ('{"a": 1,\n"data": "é"}'.encode("latin-1"), "line 2: byte 0xe9 at offset 18 is not UTF-8; convert"),
        (json.dumps(tree()).encode("utf-16"), "line 1: byte 0xff at offset 0 is not UTF-8"),
        (b"\x1f\x8b\x08\x00", "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_squad_json(tmp_path: Path, raw: bytes, expected: str) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(raw)
    message = complaint(path)
    assert message.startswith(f"{path}: ")
    assert expected in message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none.json") == (
        f"{tmp_path / 'none.json'}: no such data file; correct the path or put the file there"
    )
    assert "is a folder" in complaint(tmp_path)
    (tmp_path / "file").write_text("x")
    assert "cannot be read" in complaint(tmp_path / "file" / "data.json")
    assert "cannot be read" in complaint(tmp_path / "a\0b.json")


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    whole = json.dumps(tree(), ensure_ascii=False, indent=1).encode()
    path = tmp_path / "data.json"
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        assert len(complaint(path)) < 400


def test_ids_that_are_whole_numbers_are_their_digits(tmp_path: Path) -> None:
    content = tree()
    content["data"][0]["paragraphs"][0]["qas"][0]["id"] = 5
    assert read_squad(write(tmp_path / "data.json", content))[0].id == "5"
    content["data"][0]["paragraphs"][0]["qas"][1]["id"] = "5"
    assert "is '5', the id of" in complaint(write(tmp_path / "data.json", content))


def flat() -> list[dict[str, Any]]:
    return [
        {
            "id": example.id,
            "title": "T",
            "context": example.context,
            "question": example.question,
            "answers": {"text": list(example.answers), "answer_start": list(example.answer_starts)},
        }
        for example in _nested()
    ]


def _nested() -> list[QuestionExample]:
    with TemporaryDirectory() as folder:
        return read_squad(write(Path(folder) / "data.json", tree()))


def test_records_of_questions_are_the_same_examples(tmp_path: Path) -> None:
    assert read_squad(write(tmp_path / "rows.json", flat())) == _nested()
    assert read_squad(write(tmp_path / "data.json", {"version": "0.1", "data": flat()})) == _nested()
    assert read_squad(write_lines(tmp_path / "rows.jsonl", flat())) == _nested()


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_bad_line_of_questions_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "rows.JSONL", flat())
    path.write_text(path.read_text(encoding="utf-8") + "\n[1]\n", encoding="utf-8")
    assert "rows.JSONL: line 6: is [1], not an object; write one object a line" in complaint(path)
    assert "line 4: has the keys 'id, title, context, question', but no 'answers'" in complaint(
        write_lines(path, [*flat()[:3], {key: value for key, value in flat()[3].items() if key != "answers"}])
    )
    path.write_text(json.dumps(tree()), encoding="utf-8")
    assert "line 1: has the keys 'version, data', but no 'id'" in complaint(path)
    lines = write_lines(tmp_path / "rows.jsonl", flat()).rename(tmp_path / "rows.json")
    assert "(Extra data); name it .jsonl if it has one question a line" in complaint(lines)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"answers": ["Paris"]}, "data[1].answers: is ['Paris']; give it the lists `text` and `answer_start`"),
        ({"answers": {"text": ["Paris"], "answer_start": []}}, "data[1].answers: has 1 texts and 0 offsets"),
        ({"answers": {"text": ["Paris"], "answer_start": [3]}}, "data[1].answers[0].answer_start: is 3, where"),
        ({"context": None}, "data[1].context: is None, not a text"),
        ({"id": "q1"}, "data[1].id: is 'q1', the id of data[0] too"),
    ],
)
def test_a_bad_record_of_a_question_is_named(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    rows = flat()
    rows[1] |= fields
    assert expected in complaint(write(tmp_path / "rows.json", rows))
