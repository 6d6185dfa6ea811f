"""SQuAD predictions: the JSON object of answers by id that the official evaluation script takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.data.checks import bad_data, short
from harness.external_outputs.read import PredictedAnswers

WAY_OUT = "write one object {id: answer}, with an empty answer where there is none"


def answers_of(path: Path, tree: Any) -> PredictedAnswers:
    """The answers in the parsed JSON ``tree`` of the file.

    Raises:
        UserError: no object, an empty one, or an answer that is no text. The n-best lists and the null odds
            that are written beside the predictions are objects by id too, and end here.
    """
    if not isinstance(tree, dict):
        raise bad_data(path, "the JSON", f"is {short(tree)}, neither an object nor a list", WAY_OUT)
    if not tree:
        raise bad_data(path, "the JSON", "is an empty object", WAY_OUT)
    for id, answer in tree.items():
        if not isinstance(answer, str):
            raise bad_data(path, f"the answer to {short(id)}", f"is {short(answer)}, not a text", WAY_OUT)
    return PredictedAnswers(path, tree)
