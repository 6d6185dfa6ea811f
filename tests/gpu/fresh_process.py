"""What is measured in a process of its own, where nobody's allocator holds memory yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backends.host.memory import DeviceMemory, MemoryProbe
from backends.registry import open_backend


def device_memory(
    backend: str, artifact: Path, format: str, task: str, feeds: dict[str, NDArray[np.int64]]
) -> DeviceMemory:
    """Of an opened artifact after one batch."""
    probe = MemoryProbe()
    with open_backend(backend, artifact, format=format, task=task) as opened:
        opened.infer(feeds)
        return probe.device_memory()
