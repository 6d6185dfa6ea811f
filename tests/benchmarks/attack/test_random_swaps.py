"""Random swaps: the attack's words, limits and budget, and nothing that guides them."""

from __future__ import annotations

import pytest

from benchmarks.characteristics.attack.bert_attack import attack
from benchmarks.characteristics.attack.random_swaps import swap_at_random
from benchmarks.characteristics.attack.results import AttackSettings

SETTINGS = AttackSettings(words_changed_at_most=0.5)
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
    assert swapped(predict, attacked, candidates, at_once=2) == once
    assert swapped(predict, attacked[::-1], candidates)[::-1] == once
    assert swapped(predict, attacked, candidates, seed=1) != once


def test_a_text_that_is_too_different_does_not_count(predict, candidates, attacked):
    found = swapped(predict, attacked, candidates, similarity=lambda original, texts: [0.1 for _ in texts])
    assert {result.status for result in found} == {"skipped", "failed"}
    near = swapped(predict, attacked, candidates, similarity=lambda original, texts: [0.9 for _ in texts])
    assert {result.similarity for result in near if result.status == "succeeded"} == {0.9}
