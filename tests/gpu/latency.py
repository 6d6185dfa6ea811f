"""``latency.json``: single requests and small batches, eager and by CUDA graphs; what a new thread and copies cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from backends.backend import Backend
from backends.registry import open_backend
from backends.tensorrt.cuda_runtime import CudaRuntime
from tests.gpu.device import need
from tests.gpu.models import TASK, batch, formats, largest_made, opened
from tests.gpu.record import Record

SHAPES = [*((1, length) for length in (16, 32, 128, 384)), *((rows, 128) for rows in (8, 32, 128))]
SECONDS = 0.4
"""Of each figure; `LEAST` inferences at least."""
LEAST = 20
COPIED = (3 * 128 * 8, 3 * 8 * 128 * 8, 3 * 128 * 128 * 8, 2**24)
"""Bytes: the three inputs of 1, 8 and 128 rows of 128 tokens, and 16 MiB."""


def run(root: Path, record: Record) -> None:
    model = record.item("model", lambda: largest_made(root))
    for size in COPIED:
        record.item(f"copy of {size} bytes, microseconds", lambda s=size: _copies(s))  # type: ignore[misc]
    for format in reversed(formats(model)) if model else ():  # the fastest first
        for graph in (False, True):
            record.item(
                f"{format}, {'graph' if graph else 'eager'}, milliseconds",
                lambda f=format, g=graph: _format(root, model, f, g, record),  # type: ignore[misc]
            )
    record.item("torch-cuda, milliseconds", lambda: _torch(root, model, record))


def _format(root: Path, model: str, format: str, graph: bool, record: Record) -> dict[str, Any]:
    start = time.perf_counter()
    with opened(root, model, format, SHAPES if graph else ()) as backend:
        found: dict[str, Any] = {"opening": 1e3 * (time.perf_counter() - start)}
        found |= _shapes(backend, record)
        if not graph:
            found["first in a new thread"] = _in_a_new_thread(backend)
    return found


def _torch(root: Path, model: str, record: Record) -> dict[str, Any]:
    need("torch-cuda")
    checkpoint = root / "models" / model / "checkpoint"
    with open_backend("torch-cuda", checkpoint, format="torch-fp32", task=TASK) as backend:
        return _shapes(backend, record)


def _shapes(backend: Backend, record: Record) -> dict[str, Any]:
    found = {}
    for rows, length in SHAPES:
        if record.left <= 0:
            break
        feeds = batch(rows, length)
        found[f"{rows}x{length}"] = {
            "infer": timed(lambda feeds=feeds: backend.infer(feeds)),  # type: ignore[misc]
            "stages": backend.device_times(feeds),
        }
    return found


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds of one call: quantiles of `SECONDS` of calls, after three that warm up; and the first of all."""
    clock = [time.perf_counter()]
    work()
    first = time.perf_counter() - clock[0]
    for _ in range(2):
        work()
    clock = [time.perf_counter()]
    while clock[-1] - clock[0] < SECONDS or len(clock) <= LEAST:
        work()
        clock.append(time.perf_counter())
    p50, p90, p99 = 1e3 * np.quantile(np.diff(clock), (0.5, 0.9, 0.99))
    return {"p50": p50, "p90": p90, "p99": p99, "count": len(clock) - 1, "first": 1e3 * first}


def _in_a_new_thread(backend: Backend) -> list[float]:
    """Milliseconds of the first inferences of a thread, of 1x128: what the device makes for it is in the first."""
    feeds = batch(1, 128)

    def once() -> float:
        start = time.perf_counter()
        backend.infer(feeds)
        return 1e3 * (time.perf_counter() - start)

    with ThreadPoolExecutor(1) as thread:
        return [thread.submit(once).result() for _ in range(5)]


def _copies(size: int) -> dict[str, float]:
    """Medians of 50 copies to the device and back, each waited for, from pageable memory and from pinned."""
    runtime = CudaRuntime()
    stream, device, pinned = runtime.create_stream(), runtime.allocate(size), runtime.page_locked(size)
    array = np.ones(size, np.uint8)
    found = {}
    for kind, host in (("pageable", array.ctypes.data), ("pinned", pinned.ctypes.data)):
        for way, copy in (("to the device", runtime.copy_to_device), ("back", runtime.copy_to_host)):
            places = (device, host) if way == "to the device" else (host, device)
            clock = [time.perf_counter()]
            for _ in range(55):
                copy(*places, size, stream)
                runtime.synchronize(stream)
                clock.append(time.perf_counter())
            found[f"{kind}, {way}"] = float(1e6 * np.median(np.diff(clock)[5:]))
    runtime.free(device)
    runtime.destroy_stream(stream)
    return found
