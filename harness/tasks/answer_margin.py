"""Margin of a right answer over the best wrong one: what an attack on question answering lowers.

It is the score of what is right less the best score of anything else, and crosses zero exactly where the answer turns
wrong, which a probability of the gold span does not: see `benchmarks.attack.probabilities`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.probabilities import wrong_and_right
from harness.config.tasks import QuestionAnswering
from harness.examples.records import QuestionExample
from harness.tasks.features import Features
from harness.tasks.span_decoding import decode, spans_of_features
from harness.tasks.squad_metrics import normalise, score


def right_answers(
    questions: Sequence[QuestionExample],
    features: Features,
    start_logits: Sequence[NDArray[np.float32]],
    end_logits: Sequence[NDArray[np.float32]],
    *,
    settings: QuestionAnswering,
) -> NDArray[np.float64]:
    """(questions, 2): how wrong and how right the answer is, adding to 1; right is above 1/2 where exact match is 1.

    Scores are those of `decode`: of a span, the sum of its start and end logits; of "no answer", the null score less
    the threshold. Right are the answers whose normalised text is a gold answer's.
    """
    decoded = decode([one.context for one in questions], features, start_logits, end_logits, settings=settings)
    ahead, right = np.empty(len(questions)), np.empty(len(questions), np.bool_)
    bounds = [*features.first.tolist(), len(features)]
    nulls = [float(start[0] + end[0]) for start, end in zip(start_logits, end_logits, strict=True)]
    spans = spans_of_features(start_logits, end_logits, features, settings)
    for index, (question, answer) in enumerate(zip(questions, decoded.texts, strict=True)):
        rows = range(bounds[index], bounds[index + 1])
        scored = []
        if settings.version_2_with_negative is not False:
            scored += [(min(nulls[row] for row in rows) - settings.null_score_diff_threshold, "")]
        scored += [(value, question.context[begin:end]) for row in rows for value, begin, end in spans[row]]
        exact, _ = score(answer, question.answers)
        best_right, best_wrong = _best_of_each(scored, question.answers)
        ahead[index] = best_right - best_wrong if exact else best_wrong - best_right
        right[index] = bool(exact)
    return wrong_and_right(ahead, right)


def _best_of_each(scored: list[tuple[float, str]], answers: Sequence[str]) -> tuple[float, float]:
    """The best score of a right answer and of a wrong one; -inf where there is none."""
    gold = {text for text in map(normalise, answers) if text} or {""}
    best = {True: -np.inf, False: -np.inf}
    for value, text in sorted(scored, key=lambda item: -item[0]):
        right = normalise(text) in gold
        best[right] = max(best[right], value)
        if min(best.values()) > -np.inf:
            break
    return best[True], best[False]
