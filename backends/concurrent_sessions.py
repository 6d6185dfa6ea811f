"""Several openings of one artifact that work at the same time, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np

from backends.backend import KNOWN_INPUTS, Backend


class Workers:
    """Openings that share what there is to do: `deal`. The threads live as long as the openings do.

    A runtime makes a stream, handles and buffers on its device for each thread that calls it: with new threads, every
    pass over the data would wait for that.
    """

    def __init__(self, backends: Sequence[Backend]) -> None:
        self.backends = tuple(backends)
        self._threads = [ThreadPoolExecutor(1) for _ in backends] if len(backends) > 1 else []
        self._warm = False

    def __len__(self) -> int:
        return len(self.backends)

    def deal(self, run: Callable[[Backend, int], None], count: int) -> None:
        """Call ``run(backend, number)`` for every number below ``count``, on whichever worker is free.

        Several workers take the numbers from the last to the first: batches are planned from short to long, and the
        long ones at the beginning leave no worker alone with one at the end. Runtimes let go of the interpreter's lock
        while they compute. The first error ends the work of all, and is raised.
        """
        if not self._threads:
            for number in range(count):
                run(self.backends[0], number)
            return
        if not self._warm:
            self._by_each(_first_inferences)
            self._warm = True
        coming = iter(range(count - 1, -1, -1))
        taking = threading.Lock()
        errors: list[BaseException] = []

        def work(backend: Backend) -> None:
            while not errors:
                with taking:
                    number = next(coming, None)
                if number is None:
                    return
                try:
                    run(backend, number)
                except BaseException as error:
                    errors.append(error)

        self._by_each(work)
        if errors:
            raise errors[0]

    def _by_each(self, work: Callable[[Backend], None]) -> None:
        started = [thread.submit(work, backend) for thread, backend in zip(self._threads, self.backends, strict=True)]
        for ended in started:
            ended.result()

    def close(self) -> None:
        for thread in self._threads:
            thread.shutdown()


@contextmanager
def side_by_side(open_one: Callable[[], Backend], sessions: int) -> Iterator[Workers]:
    """Yield as many openings as ``sessions``, closed afterwards: one and the same where it serves all callers."""
    with ExitStack() as stack:
        first = stack.enter_context(open_one())
        if first.serves_all_callers:
            backends = [first] * sessions
        else:
            backends = [first, *(stack.enter_context(open_one()) for _ in range(sessions - 1))]
        workers = Workers(backends)
        stack.callback(workers.close)  # before the openings
        yield workers


def _first_inferences(backend: Backend) -> None:
    """Of one token each, by all workers at once; on the CPU no thread has anything of its own to make."""
    if backend.device != "cpu":
        for _ in range(3):  # some of what ONNX Runtime makes is not a thread's, but that of calls at the same time
            backend.infer({name: np.ones((1, 1), np.int64) for name in KNOWN_INPUTS})
