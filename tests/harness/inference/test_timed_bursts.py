from __future__ import annotations

import os
import threading

import pytest

from harness.inference.timed_bursts import _move_threads

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot be moved here")


def test_threads_that_were_moved_may_go_where_they_might_before() -> None:
    kept, stop, ready = {0: os.sched_getaffinity(0)}, threading.Event(), threading.Barrier(3)

    def wait(bound: bool) -> None:
        if bound:
            os.sched_setaffinity(0, {max(kept[0])})
        kept[threading.get_native_id()] = os.sched_getaffinity(0)
        ready.wait()
        stop.wait()

    threads = [threading.Thread(target=wait, args=(bound,)) for bound in (False, True)]
    for thread in threads:
        thread.start()
    ready.wait()
    try:
        for turn in range(4):
            _move_threads(turn)
            assert {thread: os.sched_getaffinity(thread) for thread in kept} == kept
    finally:
        stop.set()
        for thread in threads:
            thread.join()
