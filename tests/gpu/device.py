"""What the parts ask of the machine: is it a real GPU, what does torch have, what was asked of CUDA."""

from __future__ import annotations

import ctypes
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backends.host import nvidia
from backends.registry import availability
from tests.gpu.record import Skipped


def standin() -> Any:
    """CUDA's runtime where it is the stand-in, which counts what is asked of it; None on a GPU."""
    library = nvidia.cuda_runtime()
    return library if hasattr(library, "fake_reset") else None


def asked_of_cuda(work: Callable[[], object]) -> dict[str, int]:
    """Kernels, copies, synchronisations and the like that ``work`` asks for, by the stand-in's own words."""
    library = standin()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts"
        library.fake_reset()
        work()
        library.fake_dump(str(path).encode())
        lines = [line.split("\t", 1) for line in path.read_text().splitlines()]
    return {what: int(count) for count, what in lines if not what.startswith("USED stream")}


def summed(counts: dict[str, int]) -> dict[str, int]:
    """`asked_of_cuda` by its kinds: KERNEL, COPY, SYNC, GRAPH launch, ..."""
    sums = Counter[str]()
    for what, count in counts.items():
        kind = what.split()[0]
        sums[" ".join(what.split()[:2]) if kind in ("GRAPH", "CAPTURED", "STREAM", "HANDLE") else kind] += count
    return dict(sorted(sums.items()))


def need(backend: str) -> None:
    """Raises `Skipped` where this backend does not work."""
    found = availability(backend)
    if not found.available:
        raise Skipped(f"{backend}: {found.reason}; {found.remedy}")


def torch_on_cuda() -> Any:
    """The module `torch`; `Skipped` where it has no GPU."""
    need("torch-cuda")
    import torch

    return torch


def memory_info() -> dict[str, int]:
    """``free`` and ``total`` bytes of the device, as CUDA tells them."""
    library: Any = nvidia.cuda_runtime()
    if library is None:
        raise Skipped("no libcudart")
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    library.cudaMemGetInfo(ctypes.byref(free), ctypes.byref(total))
    return {"free": free.value, "total": total.value}
