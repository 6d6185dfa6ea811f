"""A live deployment in a process of its own that answers bursts of requests and times each."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from backends.registry import open_backend
from harness.inference.child_process import Ask, child_process

if TYPE_CHECKING:  # the deployment's process shall not pay for it, twice for each of many pairs
    from numpy.typing import NDArray

    from benchmarks.performance.paired import Burst
    from harness.inference.options import BackendOptions

Request = Mapping[str, "NDArray[Any]"]
"""What the model reads, by input: a text, or all windows of a question's context."""


@contextmanager
def timed_bursts(artifact: Path, options: BackendOptions, requests: Sequence[Request]) -> Iterator[Burst]:
    """Open ``artifact`` in a child process that times its answers to ``requests``, named by their indices.

    Raises:
        StepFailed: by a burst: the deployment cannot be opened, refuses a request, or its process dies.
    """
    with child_process(_opened, options.opening(artifact), list(requests)) as ask:
        yield lambda indices: list(ask(list(indices)))


@contextmanager
def _opened(opening: Mapping[str, Any], requests: Sequence[Request]) -> Iterator[Ask]:
    with open_backend(**opening) as backend:
        gc.collect()
        gc.disable()  # as `timeit` does

        turns = count()

        def answer(indices: Sequence[int]) -> list[int]:
            _move_threads(next(turns))
            timings = []
            for index in indices:
                before = perf_counter_ns()
                backend.infer(requests[index])
                timings.append(perf_counter_ns() - before)
            return timings

        yield answer


def _move_threads(turn: int) -> None:
    """Put each thread of this process on another core at every turn, from which it may go wherever it might before.

    The kernel leaves a thread where it is while it can. If that is beside what disturbs a core, it is so in all of a
    process's bursts, and which of two processes it meets is chance: the same artifact then is 15 % slower than itself.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    for place, thread in enumerate(sorted(int(path.name) for path in Path("/proc/self/task").iterdir())):
        with suppress(OSError):  # it has ended meanwhile
            cores = os.sched_getaffinity(thread)
            os.sched_setaffinity(thread, {sorted(cores)[(turn + place) % len(cores)]})
            os.sched_setaffinity(thread, cores)
