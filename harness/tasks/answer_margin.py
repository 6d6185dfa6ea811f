"""Margin of a right answer over the best wrong one: what an attack on question answering lowers.

The margin is that of Carlini and Wagner (2017, "Towards Evaluating the Robustness of Neural Networks", section V.A,
f6): the score of what is right less the best score of anything else. It crosses zero exactly where the answer turns
wrong, which a probability of the gold span does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.config.tasks import QuestionAnswering
from harness.examples import QuestionExample
from harness.tasks.features import Features
from harness.tasks.span_decoding import decode, spans_of_features
from harness.tasks.squad_metrics import normalise, score

SMALLEST = 1e-3
"""Of a margin: an answer that only ties with a wrong one is still the one that was given."""

LARGEST = 100.0
"""Where nothing stands against the answer."""


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
    the threshold. Right are the answers whose normalised text is a gold answer's. With the margin m, right is
    (1 + m / (1 + |m|)) / 2: it orders texts as a logistic would, which is 1 to six decimals from a margin of 14 on.
    """
    decoded = decode([one.context for one in questions], features, start_logits, end_logits, settings=settings)
    margins = np.empty(len(questions))
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
        ahead = best_right - best_wrong if exact else best_wrong - best_right
        margins[index] = np.clip(ahead, SMALLEST, LARGEST) * (1 if exact else -1)
    right = (1 + margins / (1 + np.abs(margins))) / 2
    return np.stack([1 - right, right], axis=1)


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
