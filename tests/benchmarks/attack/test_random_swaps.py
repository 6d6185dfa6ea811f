"""Random swaps: the attack's words, limits and budget, and nothing that guides them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.attack import requests
from benchmarks.attack.bert_attack import attack
from benchmarks.attack.random_swaps import swap_at_random
from benchmarks.attack.results import AttackSettings
from benchmarks.attack.rules import rules_of

SETTINGS = AttackSettings(max_words_changed=0.5)
EXAMPLES = [(str(n), f"a good film, take {n} of the great plot with a fine story", 1) for n in range(12)]


@pytest.fixture
def attacked(predict, candidates):
    examples = [*EXAMPLES, ("wrong", "awful film", 1), ("empty", "", 1), ("nothing to replace", "watch it", 1)]
    return list(attack(predict, examples, candidates=candidates, settings=SETTINGS))


def swapped(predict, attacked, candidates, **options):
    return list(swap_at_random(predict, attacked, candidates=candidates, settings=SETTINGS, **{"seed": 0, **options}))


def test_no_more_queries_than_the_attack_took(predict, candidates, attacked):
    found = swapped(predict, attacked, candidates)
    assert [result.id for result in found] == [result.id for result in attacked]
    assert all(one.queries <= other.queries for one, other in zip(found, attacked, strict=True))
    by_id = {result.id: result for result in found}
    assert by_id["wrong"] == next(result for result in attacked if result.id == "wrong")
    assert (by_id["empty"].status, by_id["empty"].queries) == ("failed", 0)
    assert (by_id["nothing to replace"].status, by_id["nothing to replace"].queries) == ("failed", 0)


def test_what_it_finds_turns_the_label_within_the_limits(predict, candidates, attacked):
    fallen = [result for result in swapped(predict, attacked, candidates) if result.status == "succeeded"]
    assert fallen
    for result in fallen:
        assert predict([result.adversarial]).argmax() == result.prediction_after != result.label
        assert 1 <= result.words_changed == len(result.changes) <= 0.5 * result.words
        assert all(old.lower() in ("good", "great", "film", "plot") for old, _ in result.changes)


def test_it_depends_on_the_seed_and_the_text_alone(predict, candidates, attacked):
    once = swapped(predict, attacked, candidates)
    assert swapped(predict, attacked, candidates, batch_size=2) == once
    assert swapped(predict, attacked[::-1], candidates)[::-1] == once
    assert swapped(predict, attacked, candidates, seed=1) != once


def test_a_text_that_is_too_different_does_not_count(predict, candidates, attacked):
    found = swapped(predict, attacked, candidates, similarity=lambda original, texts: [0.1 for _ in texts])
    assert {result.status for result in found} == {"skipped", "failed"}
    near = swapped(predict, attacked, candidates, similarity=lambda original, texts: [0.9 for _ in texts])
    assert {result.similarity for result in near if result.status == "succeeded"} == {0.9}


@pytest.mark.parametrize("mode", ["corrected", "reference"])
def test_it_keeps_to_the_rules_of_the_search_beside_it(predict, mode):
    """What either asks about are texts that the mode allows; both come to its largest number of changes."""
    texts = ["Good good good good good good plot\nplot plot plot ##s end"]

    def propose(text, spans):
        own = ["fine", "##ine", "the", "good", "movie"]
        usable = ["fine", "movie"]  # of the corrected mode's candidates `usable` has left no others
        return [(own if mode == "reference" else usable) if text[a:b].lower() == "good" else [] for a, b in spans]

    settings = AttackSettings(mode=mode, max_words_changed=0.3, min_similarity=0.99)
    asked = []

    def counting(texts):
        asked.extend(texts)
        return predict([f"{text} great great great great" for text in texts])  # so that nothing turns the label

    def compare(original, texts):
        raise AssertionError("nothing has turned")

    examples = [("1", texts[0], 1)]
    [guided] = attack(counting, examples, candidates=propose, similarity=compare, settings=settings)
    of_search, asked[:] = [text for text in asked if "[UNK]" not in text and text != texts[0]], []
    assert guided.status == "failed"
    # So many queries that every number of changes is drawn.
    many = [replace(guided, queries=200)]
    [drawn] = swap_at_random(counting, many, seed=0, candidates=propose, similarity=compare, settings=settings)
    assert drawn.status == "failed"
    changed = {text.lower().split().count("fine") + text.lower().split().count("movie") for text in asked}
    words = 12 if mode == "corrected" else 11  # "plot\nplot" is one word there, "##s" without its marks here
    most = rules_of(mode).most_words(0.3, words)
    assert max(changed) == most == (3 if mode == "corrected" else 4)
    for text in [*of_search, *asked]:
        assert "##ine" not in text and "the" not in text.split()
        if mode == "reference":
            assert text == text.lower().strip() and "plotplot" in text and "plots end" in text
        else:
            assert "plot\nplot" in text and " ##s end" in text
            assert text.startswith(("Good", "Fine", "Movie"))


def test_the_reference_mode_has_no_similarity_floor(predict, candidates):
    settings = AttackSettings(mode="reference")
    examples = [("1", "a good film of the plot", 1)]
    arguments = {"candidates": candidates, "similarity": lambda *_: [0.0], "settings": settings}
    [guided] = attack(predict, examples, **arguments)
    [drawn] = swap_at_random(predict, [replace(guided, queries=50)], seed=0, **arguments)
    assert (guided.status, drawn.status) == ("succeeded", "succeeded")
    assert drawn.similarity is None


@pytest.mark.parametrize("mode", ["corrected", "reference"])
def test_how_many_texts_go_in_a_call_changes_no_finding(monkeypatch, predict, candidates, mode):
    def found(parts, later):
        monkeypatch.setattr(requests, "PARTS", parts)
        monkeypatch.setattr(requests, "LATER_PARTS", later)
        arguments = {"candidates": candidates, "settings": replace(SETTINGS, mode=mode)}
        guided = list(attack(predict, EXAMPLES, **arguments))
        drawn = swap_at_random(predict, guided, seed=0, **arguments)
        return guided, [replace(result, queries=0) for result in drawn]

    one_by_one = found((), 1)
    assert found((4, 8, 16), 32) == found((), 100) == one_by_one
    assert any(result.status == "succeeded" for result in one_by_one[1])
