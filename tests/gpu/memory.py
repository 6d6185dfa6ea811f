"""``memory.json``: of a fresh process each, what NVML and CUDA say that a model takes, under both arena strategies."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from backends.backend import Backend
from backends.host.memory import MemoryProbe
from backends.registry import open_backend
from tests.gpu.device import memory_info, need
from tests.gpu.models import TASK, batch, formats, largest_made, opened
from tests.gpu.record import Record

STRATEGIES = ("kNextPowerOfTwo", "kSameAsRequested")
SHAPES = ((1, 128), (8, 128), (128, 128))


def run(root: Path, record: Record) -> None:
    model = record.item("model", lambda: largest_made(root))
    for format in reversed(formats(model)) if model else ():
        for strategy in STRATEGIES:
            record.item(
                f"onnxruntime-cuda {format}, {strategy}",
                lambda f=format, s=strategy: _fresh(onnxruntime, root, model, f, s),  # type: ignore[misc]
            )
    record.item("torch-cuda", lambda: _fresh(torch, root, model))


def _fresh(measure: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """``measure`` in a process of its own, whose allocators have taken nothing yet."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(measure, *arguments).result()


def onnxruntime(root: Path, model: str, format: str, strategy: str) -> dict[str, Any]:
    return _measured(lambda: opened(root, model, format, arena_extend_strategy=strategy))


def torch(root: Path, model: str) -> dict[str, Any]:
    need("torch-cuda")
    checkpoint = root / "models" / model / "checkpoint"
    return _measured(lambda: open_backend("torch-cuda", checkpoint, format="torch-fp32", task=TASK))


def _measured(open_one: Callable[[], AbstractContextManager[Backend]]) -> dict[str, Any]:
    """``free`` of CUDA's is the whole device's: what it lost is this process's and everybody's."""
    probe = MemoryProbe()
    free = memory_info()["free"]
    found: dict[str, Any] = {}

    def now(when: str) -> None:
        used = probe.device_memory()
        found[when] = {
            "NVML, device above the baseline": used.device,
            "NVML, process": used.process,
            "cudaMemGetInfo, less free": free - memory_info()["free"],
            "host, resident above the baseline": probe.peak_bytes(),
        }

    with open_one() as backend:
        now("open")
        for rows, length in SHAPES:
            backend.infer(batch(rows, length))
            now(f"after {rows}x{length}")
    return found
