from __future__ import annotations

import random
from collections import Counter

import pytest

from harness.data.sampling import sample
from harness.examples.records import Example, QuestionExample, TextExample


def texts(count: int, labels: int = 3) -> list[Example]:
    """Labels 0, 1, 2 in the shares 1/2, 1/3 and 1/6."""
    cycle = [0, 1, 0, 1, 0, 2] if labels == 3 else list(range(labels))
    return [TextExample(f"t{i}", "g", "text", cycle[i % len(cycle)]) for i in range(count)]


def test_each_label_keeps_its_share() -> None:
    kept = sample(texts(600), 60, seed=0)
    assert Counter(example.label for example in kept if isinstance(example, TextExample)) == {
        0: 30,
        1: 20,
        2: 10,
    }


def test_answerable_and_unanswerable_keep_their_share() -> None:
    examples = [
        QuestionExample(f"q{i}", "g", "?", "c", ("c",) if i % 3 else (), (0,) if i % 3 else ()) for i in range(300)
    ]
    kept = sample(examples, 100, seed=0)
    assert sum(not example.answerable for example in kept if isinstance(example, QuestionExample)) == 33


@pytest.mark.parametrize("size", range(1, 40))
def test_the_size_is_exact_and_the_order_that_of_the_file(size: int) -> None:
    examples = texts(40)
    kept = sample(examples, size, seed=1)
    assert len(kept) == size == len({example.id for example in kept})
    assert [examples.index(example) for example in kept] == sorted(examples.index(example) for example in kept)


@pytest.mark.parametrize("size", [40, 41, 10**9])
def test_no_more_than_there_are(size: int) -> None:
    assert sample(texts(40), size, seed=0) == texts(40)


def test_the_seed_alone_chooses() -> None:
    assert sample(texts(600), 60, seed=0) == sample(texts(600), 60, seed=0)
    assert sample(texts(600), 60, seed=0) != sample(texts(600), 60, seed=1)


def test_the_choice_does_not_depend_on_the_order_of_the_file() -> None:
    examples = texts(600)
    shuffled = random.Random(0).sample(examples, 600)
    assert {e.id for e in sample(examples, 60, seed=0)} == {e.id for e in sample(shuffled, 60, seed=0)}


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    assert {e.id for e in sample(texts(600), 60, seed=0)} < {e.id for e in sample(texts(600), 120, seed=0)}


def test_a_choice_that_must_never_change() -> None:
    """Samples are part of what a run's results mean: another choice is another study."""
    kept = [example.id for example in sample(texts(30), 6, seed=0)]
    assert kept == ["t1", "t2", "t12", "t16", "t17", "t25"]
