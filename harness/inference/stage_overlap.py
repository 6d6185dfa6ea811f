"""Three stages that work at the same time, each on another item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Ready = TypeVar("Ready")
Done = TypeVar("Done")
Result = TypeVar("Result")


def overlapped(
    items: Sequence[Item],
    before: Callable[[Item], Ready],
    main: Callable[[Ready], Done],
    after: Callable[[Item, Ready, Done], Result],
) -> list[Result]:
    """``after(item, ready, main(ready))`` with ``ready = before(item)`` for every item, in their order.

    While ``main``, which runs in the caller's thread, is at one item, ``before`` is at the next one and ``after``
    at the last one, each in a thread of its own and never further away: of three items at most is there more than
    the result. Runtimes, tokenizers and NumPy let go of the interpreter's lock while they compute.
    """
    results: list[Result] = []
    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(1) as behind:
        coming = [ahead.submit(before, item) for item in items[:1]]
        going: Future[Result] | None = None
        for index, item in enumerate(items):
            ready = coming.pop().result()
            if index + 1 < len(items):
                coming.append(ahead.submit(before, items[index + 1]))
            done = main(ready)
            if going is not None:
                results.append(going.result())
            going = behind.submit(after, item, ready, done)
        if going is not None:
            results.append(going.result())
    return results
