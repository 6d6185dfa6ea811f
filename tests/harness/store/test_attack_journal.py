from __future__ import annotations

import numpy as np

from benchmarks.attack.batched_search import Round
from harness.store.attack_journal import AttackJournal


def made(rows=1, stopped=()):
    return Round(stopped, f"{rows} texts", np.random.default_rng(rows).random((rows, 2)))


def same(one, other):
    return (one.stopped, one.asked) == (other.stopped, other.asked) and np.array_equal(one.scores, other.scores)


def test_rounds_come_back_to_the_last_bit(tmp_path):
    rounds = [made(3), made(2, stopped=(0, 4))]
    journal = AttackJournal(tmp_path)
    for number, one in enumerate(rounds):
        journal.keep(number, one)
    found = AttackJournal(tmp_path).recall()
    assert len(found) == 2
    assert all(same(a, b) for a, b in zip(found, rounds, strict=True))


def test_half_a_line_does_not_count_and_is_cut_off(tmp_path):
    journal = AttackJournal(tmp_path)
    journal.settle([{"id": "1"}])
    journal.keep(0, made())
    for name in ("settled.jsonl", "answers.jsonl"):
        with (tmp_path / name).open("a") as file:
            file.write('{"group": 1, "sco')
    again = AttackJournal(tmp_path)
    assert again.settled == 1 and list(again.results()) == [{"id": "1"}]
    assert len(again.recall()) == 1
    again.keep(1, made())
    assert len(AttackJournal(tmp_path).recall()) == 2


def test_results_come_back_from_the_disk_in_order_and_one_at_a_time(tmp_path):
    journal = AttackJournal(tmp_path)
    journal.settle([{"id": "2"}, {"id": "1"}])
    again = AttackJournal(tmp_path)
    again.settle([{"id": "3"}])
    assert (journal.settled, again.settled) == (2, 3)
    results = again.results()
    assert next(results) == {"id": "2"}
    assert [result["id"] for result in results] == ["1", "3"]


def test_answers_of_a_settled_group_are_not_taken_for_those_of_the_next(tmp_path):
    journal = AttackJournal(tmp_path)
    journal.keep(0, made())
    answers = (tmp_path / "answers.jsonl").read_bytes()
    journal.settle([{"id": "1"}])
    (tmp_path / "answers.jsonl").write_bytes(answers)  # killed between the two
    assert AttackJournal(tmp_path).recall() == []


def test_a_round_made_anew_drops_itself_and_the_later_ones(tmp_path):
    journal = AttackJournal(tmp_path)
    for number in range(3):
        journal.keep(number, made(number + 1))
    resumed = AttackJournal(tmp_path)
    assert len(resumed.recall()) == 3
    resumed.keep(1, made(7))
    resumed.keep(2, made(8))
    assert [len(one.scores) for one in AttackJournal(tmp_path).recall()] == [1, 7, 8]
