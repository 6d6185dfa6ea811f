from __future__ import annotations

import random
import string

import pytest

from harness.tasks.squad_metrics import normalise, score


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat!", "cat"),
        ("a an the", ""),
        ("theatre", "theatre"),
        ("U.S.A.", "usa"),
        ("rock-'n'-roll", "rocknroll"),
        ("\u2019the\u2019 caf\u00e9\u00a0x", "\u2019 \u2019 caf\u00e9 x"),
        (" \t\n", ""),
    ],
)
def test_normalisation(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("prediction", "answers", "expected"),
    [
        ("Paris", ["paris."], (1, 1)),
        ("in Paris", ["Paris"], (0, 2 / 3)),
        ("in Paris", ["London", "Paris", "in Paris, France"], (0, 0.8)),
        ("in Paris", ["Paris", "in the Paris"], (1, 1)),
        ("cat cat", ["cat"], (0, 2 / 3)),
        ("dog", ["cat"], (0, 0)),
        ("", [], (1, 1)),
        ("the", [], (1, 1)),
        ("cat", [], (0, 0)),
        ("", ["cat"], (0, 0)),
        ("", ["the", "!"], (1, 1)),  # gold answers of which nothing is left do not count
        ("", ["the", "cat"], (0, 0)),
        ("the", ["the", "cat"], (0, 0)),
    ],
)
def test_exact_match_and_f1(prediction: str, answers: list[str], expected: tuple[float, float]) -> None:
    assert score(prediction, answers) == pytest.approx(expected)


def test_the_figures_of_transformers_own_metrics() -> None:
    from transformers.data.metrics.squad_metrics import compute_exact, compute_f1, normalize_answer

    rng = random.Random(0)
    words = ["a", "the", "An", "cat", "Cat", "dog", "caf\u00e9", "\U0001f600", "U.S.", *string.punctuation]
    for _ in range(2_000):
        prediction, *answers = (" ".join(rng.choices(words, k=rng.randrange(6))) for _ in range(4))
        assert normalise(prediction) == normalize_answer(prediction)
        kept = [answer for answer in answers if normalize_answer(answer)] or [""]
        exact = max(compute_exact(answer, prediction) for answer in kept)
        f1 = max(compute_f1(answer, prediction) for answer in kept)
        assert score(prediction, answers) == (exact, f1)
