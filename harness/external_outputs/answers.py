"""SQuAD predictions: what the official evaluation script takes, an object of answers by id, or `evaluate`'s lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.data.checks import bad_data, checked_id, checked_text, short
from harness.data.files import read_text
from harness.data.squad import answer_columns
from harness.external_outputs.json_text import parse
from harness.external_outputs.read import PredictedAnswers

WAY_OUT = "write one object {id: answer}, or a list of {id, prediction_text}, with an empty answer where there is none"


def answers_of(path: Path, tree: Any) -> PredictedAnswers:
    """The answers in the parsed JSON ``tree`` of the file.

    Raises:
        UserError: neither, an empty one, an id twice, or an answer that is no text. The n-best lists and the null odds
            that are written beside the predictions are objects by id too, and end here.
    """
    if isinstance(tree, list):
        tree = _by_id(path, tree, "prediction_text")
    if not isinstance(tree, dict):
        raise bad_data(path, "the JSON", f"is {short(tree)}, neither an object nor a list", WAY_OUT)
    if not tree:
        raise bad_data(path, "the JSON", "is an empty object", WAY_OUT)
    for id, answer in tree.items():
        if not isinstance(answer, str):
            raise bad_data(path, f"the answer to {short(id)}", f"is {short(answer)}, not a text", WAY_OUT)
    return PredictedAnswers(path, tree)


def read_references(path: Path) -> dict[str, tuple[str, ...]] | None:
    """The gold answers by id in a list of {id, answers: {text, answer_start}}, none where there is no answer.

    None for a file with questions and their contexts, or in another layout.

    Raises:
        UserError: no such file, not UTF-8, not JSON, another record in the list, or an id twice.
    """
    text = read_text(path)
    tree = parse(path, text) if text.lstrip().startswith("[") else None
    if not tree or not isinstance(tree[0], dict) or "context" in tree[0]:
        return None
    answers_by_id = {}
    for id, answers in _by_id(path, tree, "answers").items():
        place = f"the answers to {short(id)}"
        texts = [(where, text) for where, text, _ in answer_columns(path, place, answers)]
        answers_by_id[id] = tuple(checked_text(path, where, text) for where, text in texts)
    return answers_by_id


def _by_id(path: Path, tree: list[Any], key: str) -> dict[str, Any]:
    """What the records of the list have under ``key``. What else they have does not decide: `evaluate` looks at a
    no_answer_probability beyond a threshold of 1 alone, which it never is."""
    values_by_id: dict[str, Any] = {}
    for index, record in enumerate(tree):
        place = f"[{index}]"
        if not isinstance(record, dict) or not {"id", key} <= record.keys():
            raise bad_data(path, place, f"is {short(record)}", f"write a list of records with id and {key}")
        id = checked_id(path, f"{place}.id", record["id"])
        if id in values_by_id:
            raise bad_data(path, f"{place}.id", f"is {short(id)}, as one before it", "keep one record for each id")
        values_by_id[id] = record[key]
    return values_by_id
