"""Exact match and F1 of SQuAD 2.0, as its official evaluation script defines them.

Rajpurkar et al. 2018, "Know What You Don't Know"; figures of one answer, in [0, 1].
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.tasks.task import mean

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(answer: str) -> str:
    """Lower case, without ASCII punctuation, without articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def score(prediction: str, answers: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1, each the best over the gold answers.

    Gold answers of which normalisation leaves nothing do not count; with none left the question
    has no answer, and only a prediction of which nothing is left is right.
    """
    predicted = normalise(prediction)
    gold = [text for text in map(normalise, answers) if text] or [""]
    return float(predicted in gold), max(_f1(predicted.split(), text.split()) for text in gold)


def summary(exact: NDArray[Any], f1: NDArray[Any] | None, answerable: NDArray[np.bool_]) -> dict[str, float | None]:
    """Means over all questions, and of exact match over those with an answer and those without; None: of none."""
    return {
        "exact": mean(exact),
        "f1": None if f1 is None else mean(f1),
        "exact_answerable": mean(exact[answerable]),
        "exact_unanswerable": mean(exact[~answerable]),
    }


def _f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    same = sum((Counter(predicted) & Counter(gold)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(predicted), same / len(gold)
    return 2 * precision * recall / (precision + recall)
