from __future__ import annotations

import numpy as np

from harness.store.attack_journal import AttackJournal


def test_answers_come_back_to_the_last_bit(tmp_path):
    rounds = [np.random.default_rng(i).random((3, 2)) for i in range(2)]
    journal = AttackJournal(tmp_path)
    for scores in rounds:
        journal.keep(scores)
    found = list(AttackJournal(tmp_path).recall())
    assert len(found) == 2
    assert all(np.array_equal(a, b) for a, b in zip(found, rounds, strict=True))


def test_half_a_line_does_not_count_and_is_cut_off(tmp_path):
    journal = AttackJournal(tmp_path)
    journal.settle([{"id": "1"}])
    journal.keep(np.ones((1, 2)))
    for name in ("settled.jsonl", "answers.jsonl"):
        with (tmp_path / name).open("a") as file:
            file.write('{"group": 1, "sco')
    again = AttackJournal(tmp_path)
    assert again.results == [{"id": "1"}]
    assert len(list(again.recall())) == 1
    again.keep(np.zeros((1, 2)))
    assert len(list(AttackJournal(tmp_path).recall())) == 2


def test_answers_of_a_settled_group_are_not_taken_for_those_of_the_next(tmp_path):
    journal = AttackJournal(tmp_path)
    journal.keep(np.ones((1, 2)))
    answers = (tmp_path / "answers.jsonl").read_bytes()
    journal.settle([{"id": "1"}])
    (tmp_path / "answers.jsonl").write_bytes(answers)  # killed between the two
    assert list(AttackJournal(tmp_path).recall()) == []
