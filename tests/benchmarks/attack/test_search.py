"""The engine against the same attack composed of TextAttack's parts, on a deployment of random weights a word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.characteristics.adversarial_attack import AttackSettings, attack

GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho"
VOCABULARY = (*GREEK.split(), "the", "is", "with")


def _predict(texts):
    """Three classes; every word has a weight for each, and long texts are harder to turn."""
    weights = {word: np.random.default_rng(i).normal(size=3) for i, word in enumerate(VOCABULARY)}
    zero = np.zeros(3)
    logits = np.array([sum((weights.get(w.strip(".,!").lower(), zero) for w in text.split()), zero) for text in texts])
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def _binary(texts):
    found = _predict(texts)[:, :2]
    return found / found.sum(axis=1, keepdims=True)


def _candidates(text, spans):
    rng = np.random.default_rng(len(text))
    return [[VOCABULARY[i] for i in rng.permutation(17)[:5]] for _ in spans]


def _similarity(original, texts):
    kept = [np.mean([a == b for a, b in zip(original.split(), text.split(), strict=True)]) for text in texts]
    return np.array(kept)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [
    AttackSettings(),
    AttackSettings(max_words_changed=0.2),
    AttackSettings(max_words_changed=1.0, min_similarity=0.0),
    AttackSettings(min_similarity=0.8),
])  # fmt: skip
def test_as_textattack_finds_them(settings):
    from tests.benchmarks.attack.textattack_search import attack_by_textattack

    rng = np.random.default_rng(0)
    texts = [" ".join(str(w) for w in rng.choice(VOCABULARY, rng.integers(1, 14))).capitalize() for _ in range(60)]
    examples = [(str(i), f"{text}.", int(i % 2)) for i, text in enumerate(texts)]
    given = {"candidates": _candidates, "similarity": _similarity, "settings": settings}
    ours = list(attack(_binary, examples, **given))
    theirs = attack_by_textattack(_binary, examples, **given)
    # TextAttack counts a text again that it asks for twice, and orders words of which nothing may change.
    assert [replace(one, queries=0, changes=()) for one in ours] == [replace(one, queries=0) for one in theirs]
    assert all(one.queries <= other.queries for one, other in zip(ours, theirs, strict=True))
    assert {one.status for one in ours} >= {"succeeded", "skipped"}


def test_of_three_classes_any_other_will_do():
    examples = [(str(i), " ".join(VOCABULARY[i : i + 8]), int(_predict([" ".join(VOCABULARY[i : i + 8])]).argmax()))
                for i in range(8)]  # fmt: skip
    for result in attack(_predict, examples, candidates=_candidates):
        if result.status == "succeeded":
            assert _predict([result.adversarial]).argmax() == result.prediction_after != result.label


def test_a_budget_of_queries_stops_before_it_is_exceeded(predict, candidates):
    text = "A good film, with a Great plot!"
    [whole] = attack(predict, [("1", text, 1)], candidates=candidates)
    for budget in range(1, whole.queries + 1):
        settings = AttackSettings(max_queries=budget)
        [result] = attack(predict, [("1", text, 1)], candidates=candidates, settings=settings)
        assert result.queries <= budget
        assert result.status == ("budget" if budget < whole.queries else "succeeded")
    assert result == whole


def test_a_budget_of_time_leaves_the_text_as_it_was(predict, candidates):
    settings = AttackSettings(max_seconds=1e-9)
    [result] = attack(predict, [("1", "A good film", 1)], candidates=candidates, settings=settings)
    assert result.adversarial == result.original
    assert result.status in ("budget", "failed")


# -- the authors' code ------------------------------------------------------------------------


def _reference(predict, candidates, text, **settings):
    chosen = AttackSettings(mode="reference", **settings)
    [result] = attack(predict, [("1", text, 1)], candidates=candidates, settings=chosen)
    return result


def test_reference_takes_the_first_that_turns_and_counts_all_words_but_the_last(predict, candidates):
    result = _reference(predict, candidates, "A good great\nfilm")
    # Lower case, and the line end gone: "greatfilm" is one word, and has no candidates.
    assert (result.original, result.adversarial) == ("A good great\nfilm", "a dull greatfilm")
    assert result.changes == (("good", "dull"),)
    assert (result.words, result.words_changed) == (3, 1)
    # The text, two words of three put to [UNK], and the candidates of "good" up to the one that turns the label.
    assert result.queries == 1 + 2 + 2


def test_reference_leaves_what_it_tried_last_and_does_not_count_it(predict):
    def propose(text, spans):
        return [{"fine": ["great", "good"], "good": ["bad"]}.get(text[a:b], []) for a, b in spans]

    # "fine" weighs less than both of its candidates: none lowers the score, and the last one stays.
    result = _reference(predict, propose, "fine film bad good end", max_words_changed=0.4)
    assert result.status == "succeeded"
    assert result.changes == (("good", "bad"),)
    by_hand = result.adversarial.split()
    assert by_hand[3] == "bad"


def test_reference_may_change_a_word_more_than_the_limit(predict):
    def propose(text, spans):
        return [["fine"] if text[a:b] == "good" else [] for a, b in spans]

    # Of ten words four may change; the authors test before the count is raised.
    text = "good good good good good good plot plot plot plot"
    asked = []

    def counting(texts):
        asked.extend(texts)
        return predict(texts)

    result = _reference(counting, propose, text)
    assert result.status == "failed"
    assert max(text.split().count("fine") for text in asked) == 5
