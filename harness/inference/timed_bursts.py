"""A live deployment in a process of its own that answers bursts of requests and times each."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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

        def answer(indices: Sequence[int]) -> list[int]:
            timings = []
            for index in indices:
                before = perf_counter_ns()
                backend.infer(requests[index])
                timings.append(perf_counter_ns() - before)
            return timings

        yield answer
