"""Several openings of one artifact that work at the same time, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from backends.backend import Backend


@contextmanager
def side_by_side(open_one: Callable[[], Backend], sessions: int) -> Iterator[tuple[Backend, ...]]:
    """Yield as many openings as ``sessions``, closed afterwards: one and the same where it serves all callers."""
    with ExitStack() as stack:
        first = stack.enter_context(open_one())
        if first.serves_all_callers:
            yield (first,) * sessions
        else:
            yield (first, *(stack.enter_context(open_one()) for _ in range(sessions - 1)))


def deal(run: Callable[[Backend, int], None], count: int, workers: Sequence[Backend]) -> None:
    """Call ``run(worker, number)`` for every number below ``count``, on whichever worker is free.

    Several workers take the numbers from the last to the first: batches are planned from short to long, and the
    long ones at the beginning leave no worker alone with one at the end. Runtimes let go of the interpreter's lock
    while they compute. The first error ends the work of all, and is raised.
    """
    if len(workers) == 1:
        for number in range(count):
            run(workers[0], number)
        return
    coming = iter(range(count - 1, -1, -1))
    taking = threading.Lock()
    errors: list[BaseException] = []

    def work(worker: Backend) -> None:
        while not errors:
            with taking:
                number = next(coming, None)
            if number is None:
                return
            try:
                run(worker, number)
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
