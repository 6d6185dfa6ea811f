"""Confidence of an answer: its share of the softmax over the n best, which is what ``run_qa.py`` calls its probability.

The product of the largest start and the largest end probability often belongs to another span than the answer, and a
softmax over all windows together makes a sure "no answer" unsure in each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.config.tasks import QuestionAnswering
from harness.tasks.features import Features
from harness.tasks.span_decoding import spans_of_features
from harness.tasks.squad_metrics import normalise

NEGLIGIBLE = 1e-6
"""Of the weight of the best candidate."""


def answer_confidence(
    contexts: Sequence[str],
    features: Features,
    start_logits: Sequence[NDArray[np.float32]],
    end_logits: Sequence[NDArray[np.float32]],
    answers: Sequence[str],
    *,
    settings: QuestionAnswering,
) -> NDArray[np.float64]:
    """(examples,) the probability of each answer that `decode` gave, 0 to 1.

    The softmax is over the ``settings.n_best_size`` best spans of all windows, each with its best score, and "no
    answer" with the null score that decoding compares (the smallest of the windows), unless the study leaves it out.
    Answers whose normalised texts are equal are one: their probabilities add.
    """
    confidence = np.ones(len(contexts))
    bounds = [*features.first.tolist(), len(features)]
    nulls = [float(start[0] + end[0]) for start, end in zip(start_logits, end_logits, strict=True)]
    spans = spans_of_features(start_logits, end_logits, features, settings, best=settings.n_best_size)
    for index, (context, answer) in enumerate(zip(contexts, answers, strict=True)):
        rows = range(bounds[index], bounds[index + 1])
        best: dict[tuple[int, int], float] = {}  # windows overlap: one span is one candidate
        for score, begin, end in (span for row in rows for span in spans[row]):
            best[begin, end] = max(score, best.get((begin, end), -np.inf))
        kept = sorted(best.items(), key=lambda item: -item[1])[: settings.n_best_size]
        candidates = [(score, context[begin:end]) for (begin, end), score in kept]
        if settings.version_2_with_negative is not False:
            candidates.append((min(nulls[row] for row in rows), ""))
        if not candidates:
            continue  # nothing else could be said
        scores = np.array([score for score, _ in candidates])
        weights = np.exp(scores - scores.max())
        # Normalising costs more than all else here, so only what weighs anything is looked at.
        wanted = normalise(answer)
        same = [
            text == answer or (weight > NEGLIGIBLE and normalise(text) == wanted)
            for weight, (_, text) in zip(weights, candidates, strict=True)
        ]
        confidence[index] = float(weights[same].sum() / weights.sum())
    return confidence
