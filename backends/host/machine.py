"""The machine and environment a figure was measured on. Cheap: imports no runtime and starts no process."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
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
UNLIMITED = 2**60
"""Version 1 of control groups writes no limit as the largest number of pages."""
CPUS = Path("/sys/devices/system/cpu")

THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "GOMP_SPINCOUNT"),
    *("KMP_AFFINITY", "KMP_BLOCKTIME", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"),
    *("TOKENIZERS_PARALLELISM", "MALLOC_ARENA_MAX", "LD_PRELOAD", "CUDA_VISIBLE_DEVICES"),
)
"""Environment variables that change how fast a runtime is, by threads or by memory."""


def environment() -> dict[str, Any]:
    """CPU, memory, GPU, operating system and versions, ready for JSON.

    ``{"cpu": {"model", "isa", "cores", "affinity", "quota", "governor", "turbo", "largest_mhz"}, "memory_bytes",
    "memory_limit", "variables", "gpu": None or see `backends.host.nvidia.describe`, "os" (with kernel and C library),
    "distribution", "python", "versions"}``; ``cores`` and ``memory_bytes`` are what this process may use, ``quota``
    (CPUs) and ``memory_limit`` what its control groups grant. What the machine does not tell is None.
    """
    from backends.host import nvidia

    model, flags = _cpu()
    return {
        "cpu": {
            "model": model,
            "isa": [flag for flag in INSTRUCTION_SETS if flag in flags],
            "cores": usable_cores(),
            "affinity": _ranges(usable_cpus()),
            "quota": cpu_quota(),
            "governor": _first(CPUS.glob("cpu[0-9]*/cpufreq/scaling_governor")),
            "turbo": _turbo(),
            "largest_mhz": _largest_mhz(),
        },
        "memory_bytes": usable_memory(),
        "memory_limit": memory_limit(),
        "variables": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "gpu": nvidia.describe(),
        "os": platform.platform(),
        "distribution": _distribution(),
        "python": platform.python_version(),
        "versions": installed(*DISTRIBUTIONS, *nvidia.PACKAGES),
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
    cores = len(usable_cpus())
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def usable_cpus() -> list[int]:
    """The numbers of the logical CPUs that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS or Windows
    return sorted(affinity(0)) if affinity is not None else list(range(os.cpu_count() or 1))


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
        if word.isdigit() and int(word) < UNLIMITED:
            limits.append(int(word))
    return min(limits, default=None)


def throttled_seconds(root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> float | None:
    """How long the CPU quota of the control groups has held their processes back so far; None without a quota."""
    seconds = []
    for folder in _groups(root, membership, "cpu"):
        counters = dict(line.split() for line in _read(folder / "cpu.stat").splitlines() if len(line.split()) == 2)
        if "throttled_usec" in counters:  # version 2
            seconds.append(int(counters["throttled_usec"]) / 1e6)
        elif "throttled_time" in counters:  # version 1
            seconds.append(int(counters["throttled_time"]) / 1e9)
    return max(seconds, default=None)


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


def _turbo() -> bool | None:
    """Whether the clock may go beyond its base frequency."""
    intel, others = _read(CPUS / "intel_pstate/no_turbo"), _read(CPUS / "cpufreq/boost")
    if intel in ("0", "1"):
        return intel == "0"
    return others == "1" if others in ("0", "1") else None


def _largest_mhz() -> int | None:
    largest = _first(CPUS.glob("cpu[0-9]*/cpufreq/cpuinfo_max_freq"))
    return int(largest) // 1000 if largest is not None and largest.isdigit() else None


def _first(files: Iterable[Path]) -> str | None:
    return next((text for file in sorted(files) if (text := _read(file))), None)


def _distribution() -> str | None:
    """The operating system with its release, as /etc/os-release names it."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _ranges(numbers: Sequence[int]) -> str:
    """ "0-3,8", as the kernel writes lists of CPUs."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
