"""Question answering data in the SQuAD JSON layout.

``data[].paragraphs[].qas[]``: of version 1.1 and 2.0, and of other data sets brought into it (NewsQA in the
MRQA edition has no ``is_impossible``, and several answers a question whose spans may repeat). Or one record a question
with its ``context``, as ``squad_v2`` of the hub has them: a list, ``data`` of an object as ``run_qa.py`` reads it, or a
line each in a ``.jsonl`` file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.data.checks import UniqueIds, bad_data, checked_question, checked_text, short
from harness.data.files import read_text
from harness.data.rows import jsonl_rows
from harness.examples.records import QuestionExample

_WAY_OUT = "put it into the SQuAD layout"


def read_squad(path: Path) -> list[QuestionExample]:
    """Every question of the file, in its order.

    Raises:
        UserError: no such file, not UTF-8, not JSON, another layout, an empty text, a duplicate id, an
            answer that does not stand at its offset, or an impossible question with answers.
    """
    ids = UniqueIds(path)
    examples = []
    for example, place in _examples(path):
        ids.add(example.id, place)
        examples.append(example)
    return examples


def _examples(path: Path) -> Iterator[tuple[QuestionExample, str]]:
    """(example, place)."""
    if path.suffix.lower() == ".jsonl":
        return _flat(path, jsonl_rows(path))
    tree = _parse(path)
    if _is_flat(tree):
        return _flat(path, _records(path, "", tree if isinstance(tree, dict) else {"data": tree}, "data"))
    return _nested(path, tree)


def _parse(path: Path) -> Any:
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        # A cut file breaks at its end, or inside a word or string that begins before it.
        cut = text.lstrip().startswith(("{", "[")) and not text.rstrip().endswith(("}", "]"))
        if cut or error.pos >= len(text.rstrip()):
            raise bad_data(path, place, "the JSON ends in the middle", "fetch the whole file again") from None
        way_out = "name it .jsonl if it has one question a line" if error.msg == "Extra data" else "correct the file"
        raise bad_data(path, place, f"is not JSON ({error.msg})", way_out) from None
    except (RecursionError, ValueError) as error:  # ValueError: a number of thousands of digits
        what = f"cannot be read ({str(error).splitlines()[0]})"
        raise bad_data(path, "the JSON", what, _WAY_OUT) from None


def answer_columns(source: object, place: str, answers: Any) -> list[tuple[str, Any, Any]]:
    """(place, text, start) of each of the ``answers``, which are lists ``text`` and ``answer_start``.

    Raises `UserError` where they are not, or of another length; what stands in them is not looked at.
    """
    columns: list[Any] = [answers.get(key) for key in ("text", "answer_start")] if isinstance(answers, dict) else []
    if not columns or not all(isinstance(column, list) for column in columns):
        raise bad_data(source, place, f"is {short(answers)}", "give it the lists `text` and `answer_start`")
    texts, starts = columns
    if len(texts) != len(starts):
        what = f"has {len(texts)} texts and {len(starts)} offsets"
        raise bad_data(source, place, what, "give every text its offset")
    return [(f"{place}[{index}]", *pair) for index, pair in enumerate(zip(texts, starts, strict=True))]


def _is_flat(tree: Any) -> bool:
    rows = tree.get("data") if isinstance(tree, dict) else tree
    first = rows[0] if isinstance(rows, list) and rows else None
    return isinstance(first, dict) and "question" in first


def _flat(path: Path, rows: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[tuple[QuestionExample, str]]:
    """(example, place), of one record a question."""
    for place, row in rows:
        yield (
            checked_question(
                path,
                place,
                id=_value(path, place, row, "id"),
                question=_value(path, place, row, "question"),
                context=checked_text(path, f"{place}.context", _value(path, place, row, "context")),
                answers=answer_columns(path, f"{place}.answers", _value(path, place, row, "answers")),
            ),
            place,
        )


def _nested(path: Path, tree: Any) -> Iterator[tuple[QuestionExample, str]]:
    """(example, place), walking the tree."""
    for article_place, article in _records(path, "", tree, "data"):
        for place, paragraph in _records(path, article_place, article, "paragraphs"):
            context = checked_text(path, f"{place}.context", _value(path, place, paragraph, "context"))
            for question_place, question in _records(path, place, paragraph, "qas"):
                yield _example(path, question_place, context, question), question_place


def _example(path: Path, place: str, context: str, question: dict[str, Any]) -> QuestionExample:
    answers = [
        (where, _value(path, where, answer, "text"), _value(path, where, answer, "answer_start"))
        for where, answer in _records(path, place, question, "answers")
    ]
    impossible = question.get("is_impossible", not answers)
    if not isinstance(impossible, bool):
        raise bad_data(path, f"{place}.is_impossible", f"is {short(impossible)}", "make it true or false")
    if impossible == bool(answers):
        what = f"is {str(impossible).lower()}, but the question has {len(answers)} answers"
        raise bad_data(path, f"{place}.is_impossible", what, "correct it, or the answers")
    return checked_question(
        path,
        place,
        id=_value(path, place, question, "id"),
        question=_value(path, place, question, "question"),
        context=context,
        answers=answers,
    )


def _records(path: Path, place: str, parent: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects in the list ``parent[key]``, each with its place."""
    value = _value(path, place or "the file", parent, key)
    here = f"{place}.{key}" if place else key
    if not isinstance(value, list):
        raise bad_data(path, here, f"is {short(value)}, not a list", _WAY_OUT)
    for index, record in enumerate(value):
        if not isinstance(record, dict):
            raise bad_data(path, f"{here}[{index}]", f"is {short(record)}, not an object", _WAY_OUT)
        yield f"{here}[{index}]", record


def _value(path: Path, place: str, record: Any, key: str) -> Any:
    if isinstance(record, dict) and key in record:
        return record[key]
    description = f"has the keys {short(', '.join(record))}" if isinstance(record, dict) else f"is {short(record)}"
    raise bad_data(path, place, f"{description}, but no {key!r}", _WAY_OUT)
