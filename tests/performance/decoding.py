"""Decoding of extractive answers: 12,000 features of length 384, against the same rules as plain loops."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from harness.config.tasks import QuestionAnswering
from harness.tasks.features import Features
from harness.tasks.span_decoding import decode
from harness.tasks.squad_metrics import score

FEATURES, LENGTH, QUESTION = 12_000, 384, 15
PLAIN = 200
"""Examples that the plain loops answer as well: they take some 5 ms a feature."""


def decoding() -> list[str]:
    """Lines that tell the time, and whether answers and scores are those of the plain loops."""
    contexts, features, starts, ends, gold = _example_outputs()
    settings = QuestionAnswering()
    seconds = []
    for _ in range(3):
        before = time.perf_counter()
        decoded = decode(contexts, features, starts, ends, settings=settings)
        scores = [score(text, answers) for text, answers in zip(decoded.texts, gold, strict=True)]
        seconds.append(time.perf_counter() - before)
    before = time.perf_counter()
    plain = [
        _plain(contexts[i], features, starts, ends, np.flatnonzero(features.example == i), settings)
        for i in range(PLAIN)
    ]
    theirs = time.perf_counter() - before
    of_plain = np.mean([score(text, answers) for text, answers in zip(plain, gold, strict=False)], axis=0)
    of_ours = np.mean(scores[:PLAIN], axis=0)
    same = sum(a == b for a, b in zip(plain, decoded.texts, strict=False))
    return [
        f"decoding {FEATURES:,} features of {LENGTH} tokens, EM and F1 included: {median(seconds):.2f} s "
        f"({min(seconds):.2f} to {max(seconds):.2f})",
        f"plain loops over {PLAIN:,} of the {len(contexts):,} questions: {theirs:.2f} s; {same} answers are the same; "
        f"EM and F1 {100 * of_plain[0]:.2f} and {100 * of_plain[1]:.2f} there, "
        f"{100 * of_ours[0]:.2f} and {100 * of_ours[1]:.2f} here",
    ]


def _example_outputs():
    """Contexts of words of three letters, two windows a question, and logits that rise at a gold answer."""
    rng = np.random.default_rng(0)
    words = LENGTH - QUESTION - 1
    examples = FEATURES // 2
    spans = np.stack([4 * np.arange(2 * words), 4 * np.arange(2 * words) + 3], axis=1).astype(np.int32)
    outside = np.full((QUESTION, 2), -1, np.int32)
    contexts, offsets, starts, ends, gold = [], [], [], [], []
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
    for _ in range(examples):
        text = letters[rng.integers(0, 26, (2 * words, 4))]
        text[:, 3] = ord(" ")
        contexts.append(text.tobytes().decode())
        answer = int(rng.integers(0, words - 5)) if rng.random() < 0.5 else None
        gold.append([] if answer is None else [contexts[-1][4 * answer : 4 * (answer + 3) + 3]])
        for window in range(2):
            offsets.append(np.concatenate([outside, spans[window * words : (window + 1) * words], outside[:1]]))
            start, end = rng.normal(0, 2, (2, LENGTH)).astype(np.float32)
            if answer is not None and window == 0:
                start[QUESTION + answer] += 9
                end[QUESTION + answer + 3] += 9
            starts.append(start)
            ends.append(end)
    inputs = {"input_ids": [np.zeros(LENGTH, np.int64)] * FEATURES}
    return contexts, Features(inputs, np.repeat(np.arange(examples), 2), offsets), starts, ends, gold


def _plain(
    context: str,
    features: Features,
    starts: Sequence[NDArray[np.float32]],
    ends: Sequence[NDArray[np.float32]],
    mine: NDArray[np.intp],
    settings: QuestionAnswering,
) -> str:
    """The answer by loops over n-best starts and ends, as the reference post-processing has them."""
    assert features.offsets is not None
    best, text = None, "empty"
    null = min(starts[i][0] + ends[i][0] for i in mine)
    for i in mine:
        offsets = features.offsets[i]
        firsts = sorted(range(LENGTH), key=lambda at: (-starts[i][at], -at))[: settings.n_best_size]
        lasts = sorted(range(LENGTH), key=lambda at: (-ends[i][at], -at))[: settings.n_best_size]
        for first in firsts:
            for last in lasts:
                if not (
                    first <= last < first + settings.max_answer_length and offsets[first][0] >= 0 <= offsets[last][0]
                ):
                    continue
                score = starts[i][first] + ends[i][last]
                if best is None or score > best[0]:
                    best = (score, starts[i][first], ends[i][last])
                    text = context[offsets[first][0] : offsets[last][1]]
    difference = null if best is None else null - best[1] - best[2]
    return "" if difference > settings.null_score_diff_threshold else text


if __name__ == "__main__":
    print("\n".join(decoding()))
