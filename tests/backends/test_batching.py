from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.batching import pad, plan_batches, shuffled_batches
from backends.errors import BackendError

LENGTHS = st.lists(st.integers(1, 60), max_size=80).map(lambda row: np.array(row, dtype=np.int64))


@given(LENGTHS, st.integers(1, 200))
def test_every_example_once_within_the_budget(lengths: np.ndarray, budget: int) -> None:
    for batches in (
        plan_batches(lengths, token_budget=budget),
        shuffled_batches(lengths, token_budget=budget, seed=3),
    ):
        flat = [int(index) for batch in batches for index in batch]
        assert sorted(flat) == list(range(len(lengths)))
        for batch in batches:
            assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget


@given(LENGTHS, st.integers(1, 200))
def test_batches_of_one_length(lengths: np.ndarray, budget: int) -> None:
    batches = plan_batches(lengths, token_budget=budget, same_length=True)
    assert sorted(int(index) for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(set(lengths[batch])) == 1
        assert len(batch) == 1 or lengths[batch].sum() <= budget
    # No more of them than the lengths and the budget ask for.
    rows = {length: max(1, budget // int(length)) for length in lengths}
    assert len(batches) == sum(-(-int((lengths == length).sum()) // rows[length]) for length in rows)


def test_sorted_and_stable() -> None:
    batches = plan_batches(np.array([3, 1, 3, 1, 9]), token_budget=6)
    assert [batch.tolist() for batch in batches] == [[1, 3], [0, 2], [4]]


def test_shuffling_composes_other_batches_repeatably() -> None:
    lengths = np.random.default_rng(0).integers(5, 50, 200)
    plain = plan_batches(lengths, token_budget=256)
    one, again, other = (shuffled_batches(lengths, token_budget=256, seed=seed) for seed in (1, 1, 2))

    def groups(batches: list[np.ndarray]) -> set[frozenset[int]]:
        return {frozenset(batch.tolist()) for batch in batches}

    assert [batch.tolist() for batch in one] == [batch.tolist() for batch in again]
    assert not groups(one) & groups(plain)
    assert groups(one) != groups(other)
    padded = sum(len(batch) * lengths[batch].max() for batch in one)
    assert padded < 1.6 * lengths.sum()


def test_pad() -> None:
    rows = {"input_ids": [np.array([1, 2, 3]), np.array([4])], "attention_mask": [np.ones(3), np.ones(1)]}
    padded = pad(rows, [1, 0], length=4)
    assert padded["input_ids"].tolist() == [[4, 0, 0, 0], [1, 2, 3, 0]]
    assert padded["attention_mask"].tolist() == [[1, 0, 0, 0], [1, 1, 1, 0]]
    assert padded["input_ids"].dtype == np.int64
    with_token = pad(rows, [1, 0], pad_token=7)
    assert with_token["input_ids"].tolist() == [[4, 7, 7], [1, 2, 3]]
    assert with_token["attention_mask"].tolist() == [[1, 0, 0], [1, 1, 1]]
    assert pad(rows, [1])["input_ids"].shape == (1, 1)
    assert pad(rows, [])["input_ids"].shape == (0, 0)
    with pytest.raises(BackendError, match="cannot pad to 2: an example of the batch has 3 tokens"):
        pad(rows, [0], length=2)


def test_no_budget() -> None:
    with pytest.raises(BackendError, match="token_budget is 0"):
        plan_batches(np.array([1]), token_budget=0)
