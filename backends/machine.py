"""The machine and environment a figure was measured on. Cheap: imports no runtime and starts no process."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

DISTRIBUTIONS = (
    "scalemodel",
    "datasets",
    "faiss-cpu",
    "numpy",
    "nvidia-ml-py",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "optimum",
    "optimum-onnx",
    "scipy",
    "tensorrt",
    "textattack",
    "tokenizers",
    "torch",
    "transformers",
)
"""Whose versions can change a result; those that are not installed are left out."""

INSTRUCTION_SETS = (
    *("avx", "avx2", "fma", "f16c", "avx_vnni"),
    *("avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2"),
)
"""The flags of x86-64 and AArch64 that choose a runtime's kernels; INT8 results depend on them."""

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def environment() -> dict[str, Any]:
    """CPU, memory, GPU, operating system and versions, ready for JSON.

    ``{"cpu": {"model", "isa", "cores"}, "memory_bytes", "gpu": None or see `backends.nvidia.describe`,
    "os", "python", "versions"}``; ``cores`` and ``memory_bytes`` are what this process may use.
    """
    from backends import nvidia

    model, flags = _cpu()
    return {
        "cpu": {
            "model": model,
            "isa": [flag for flag in INSTRUCTION_SETS if flag in flags],
            "cores": usable_cores(),
        },
        "memory_bytes": usable_memory(),
        "gpu": nvidia.describe(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "versions": installed(*DISTRIBUTIONS),
    }


def installed(*distributions: str) -> dict[str, str]:
    """The versions of those that are installed, found without importing them."""
    versions = {}
    for name in distributions:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and the CPU quota of its control groups."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS or Windows
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def usable_memory() -> int:
    """Bytes of memory that this process may use: the machine's, and the limit of its control groups."""
    import psutil

    total = int(psutil.virtual_memory().total)
    limit = memory_limit()
    return total if limit is None else min(total, limit)


def cpu_quota(root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> float | None:
    """CPUs' worth of time that the control groups grant: the strictest of all levels, None without."""
    quotas = []
    for folder in _groups(root, membership, "cpu"):
        words = _read(folder / "cpu.max").split()  # version 2: "max 100000" or "150000 100000"
        if not words:  # version 1
            words = [_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")]
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def memory_limit(root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes that the control groups grant: the strictest of all levels, None without a limit."""
    limits = []
    for folder in _groups(root, membership, "memory"):
        word = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if word.isdigit():
            limits.append(int(word))
    return min(limits, default=None)


def _groups(root: Path, membership: Path, controller: str) -> list[Path]:
    """The folders of this process's control group and of all groups above it."""
    folders = []
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = root if not controllers else root / controllers
        group = base / path.lstrip("/")
        folders += [group, *(parent for parent in group.parents if parent.is_relative_to(base))]
    return folders


def _cpu() -> tuple[str, set[str]]:
    """The CPU's name and its flags."""
    model, flags = "", set[str]()
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and not model:
            model = value.strip()
        elif key.strip() in ("flags", "Features") and not flags:
            flags = set(value.split())
    if not model or not flags:  # not Linux, or an ARM kernel, which gives no name
        model, flags = model or platform.processor() or platform.machine(), flags or _flags_by_cpuid()
    return model, flags


def _flags_by_cpuid() -> set[str]:
    if sys.platform.startswith("linux"):
        return set()
    import cpuinfo  # a second or so: it starts processes

    return set(cpuinfo.get_cpu_info().get("flags", []))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
