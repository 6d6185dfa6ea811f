"""``trtexec``, NVIDIA's own timing of an engine: what our runner is held against."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path


def command(engine: Path, inputs: Sequence[str], shape: tuple[int, int], *, profile: int) -> list[str]:
    """Five seconds of compute alone, by a CUDA graph; ``shape`` is every input's (rows, tokens)."""
    rows, length = shape
    return [
        *("trtexec", f"--loadEngine={engine}", f"--useProfile={profile}", "--duration=5"),
        "--shapes=" + ",".join(f"{name}:{rows}x{length}" for name in inputs),
        *("--useCudaGraph", "--noDataTransfers"),
    ]


def median_milliseconds(output: str) -> float:
    """Of ``GPU Compute Time`` in what trtexec prints."""
    found = re.search(r"GPU Compute Time: min = \S+ ms, max = \S+ ms, mean = \S+ ms, median = (\S+) ms", output)
    if found is None:
        raise ValueError(f"trtexec told no median of GPU Compute Time: {output[-500:]}")
    return float(found[1])
