"""INT8 arithmetic of this CPU: it decides how wide the weights may be."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

WITHOUT_VNNI = "x86-64 without VNNI"

_VNNI = frozenset({"avx512_vnni", "avx512vnni", "avx_vnni", "avxvnni", "amx_int8"})


@functools.cache
def instruction_set() -> str:
    """``x86-64 with VNNI``, ``x86-64 without VNNI``, or the machine's own name (``aarch64``, ...).

    Without VNNI, x86-64 multiplies 8-bit numbers into 16-bit sums that saturate; weights of 7 bits do not
    reach that (ONNX Runtime's documentation, "Quantize ONNX models", `reduce_range`).
    """
    machine = platform.machine().lower()
    if machine not in ("x86_64", "amd64"):
        return machine
    return "x86-64 with VNNI" if _VNNI & _flags() else WITHOUT_VNNI


def _flags() -> set[str]:
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("flags"):
                return set(line.partition(":")[2].split())
    import cpuinfo  # takes a second, so only where the kernel does not tell

    return set(cpuinfo.get_cpu_info().get("flags", ()))
