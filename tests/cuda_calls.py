"""What a process on the stand-in for CUDA's libraries (`tests.standin`) has asked of CUDA, counted.

Its ``libcudart.so.13`` notes a line for each kernel (``KERNEL name``, ``CAPTURED ...`` while a graph is captured),
product (``CUBLAS ...``), copy (``COPY function H2D pageable->device N bytes``), fill (``MEMSET``), ``SYNC ...``,
``GRAPH instantiate``, ``GRAPH launch``, ``STREAM created`` and ``HANDLE ...``.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Calls:
    """What was asked of CUDA."""

    launches: int
    """Of kernels, products of cuBLAS, fills and copies within the device; a captured graph is one."""
    copies: int
    """Between host and device."""
    pageable: int
    """Those of them from or to memory that is not page-locked."""
    synchronisations: int
    captures: int
    """CUDA graphs made."""
    made: int
    """Streams, and handles of cuBLAS and cuDNN."""


def counted(work: Callable[[], object]) -> Calls:
    """What ``work()`` asks."""
    library = ctypes.CDLL("libcudart.so.13")
    library.fake_reset()
    work()
    with tempfile.TemporaryDirectory(prefix="scalemodel-calls-") as folder:
        path = Path(folder) / "calls"
        library.fake_dump(str(path).encode())
        lines = [line.partition("\t") for line in path.read_text().splitlines()]
    calls = Counter[str]()
    for count, _, what in lines:
        calls[what] += int(count)

    def asked(*beginnings: str, having: str = "") -> int:
        return sum(count for what, count in calls.items() if what.startswith(beginnings) and having in what)

    on_device = asked("COPY", having=" D2D ")
    return Calls(
        launches=asked("KERNEL", "CUBLAS", "MEMSET", "GRAPH launch") + on_device,
        copies=asked("COPY") - on_device,
        pageable=asked("COPY", having="pageable"),
        synchronisations=asked("SYNC"),
        captures=asked("GRAPH instantiate"),
        made=asked("STREAM created", "HANDLE"),
    )
