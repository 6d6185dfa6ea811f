from __future__ import annotations

import threading

import pytest

from harness.inference.deployment import overlapped


def test_results_in_the_order_of_the_items() -> None:
    assert overlapped([1, 2, 3, 4], lambda i: i * 10, lambda r: r + 1, lambda i, r, d: (i, r, d)) == [
        (1, 10, 11),
        (2, 20, 21),
        (3, 30, 31),
        (4, 40, 41),
    ]
    assert overlapped([], str, str, lambda i, r, d: i) == []


def test_the_next_item_is_made_ready_while_one_is_worked_at() -> None:
    ready = [threading.Event() for _ in range(3)]

    def before(item: int) -> int:
        ready[item].set()
        return item

    def main(item: int) -> bool:
        return item + 1 == len(ready) or ready[item + 1].wait(30)

    assert overlapped(range(3), before, main, lambda item, made, done: done) == [True, True, True]


def test_no_more_than_three_items_are_there() -> None:
    there, most = 0, 0
    counting = threading.Lock()

    def change(by: int) -> None:
        nonlocal there, most
        with counting:
            there += by
            most = max(most, there)

    overlapped(range(50), lambda item: change(1), lambda ready: None, lambda item, ready, done: change(-1))
    assert 1 <= most <= 3


@pytest.mark.parametrize("stage", ["before", "main", "after"])
def test_an_error_of_any_stage_is_raised(stage: str) -> None:
    def fail(name: str, item: int) -> int:
        if name == stage and item == 2:
            raise ValueError(f"{name} {item}")
        return item

    with pytest.raises(ValueError, match=f"{stage} 2"):
        overlapped(
            range(4),
            lambda item: fail("before", item),
            lambda ready: fail("main", ready),
            lambda item, ready, done: fail("after", item),
        )
