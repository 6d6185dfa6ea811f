"""NVIDIA devices as NVML tells them. Nothing here raises where there is no driver: the answer is None."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def nvml() -> Iterator[Any]:
    """The initialised module `pynvml`, or None without it or without an NVIDIA driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # ImportError, or any NVMLError: no driver, no permission, version mismatch
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def driver_version() -> str | None:
    """The version of the NVIDIA driver, None without one."""
    with nvml() as library:
        return None if library is None else str(library.nvmlSystemGetDriverVersion())


def use_nvml_order() -> None:
    """Make CUDA number devices as NVML does (by PCI bus), so that both mean the same device.

    Has an effect only before CUDA is initialised in this process; a choice of the user's is kept.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")


def first_device(library: Any) -> Any:
    """NVML's handle of the device that CUDA calls 0, after CUDA_VISIBLE_DEVICES; None if there is none."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    try:
        if first.isdigit():
            return library.nvmlDeviceGetHandleByIndex(int(first))
        return library.nvmlDeviceGetHandleByUUID(first) if first.startswith(("GPU-", "MIG-")) else None
    except library.NVMLError:
        return None


def other_processes(process: int) -> int | None:
    """How many processes besides ``process`` compute on the first device now; None without one."""
    with nvml() as library:
        handle = None if library is None else first_device(library)
        if handle is None:
            return None
        try:
            running = library.nvmlDeviceGetComputeRunningProcesses(handle)
            return sum(int(entry.pid != process) for entry in running)
        except library.NVMLError:
            return None


def describe() -> dict[str, Any] | None:
    """Driver, CUDA version of the driver, and the devices; None without a driver."""
    with nvml() as library:
        if library is None:
            return None
        cuda = library.nvmlSystemGetCudaDriverVersion_v2()
        handles = [library.nvmlDeviceGetHandleByIndex(i) for i in range(library.nvmlDeviceGetCount())]
        return {
            "driver": str(library.nvmlSystemGetDriverVersion()),
            "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}",
            "devices": [
                {
                    "name": str(library.nvmlDeviceGetName(handle)),
                    "memory_bytes": _total_memory(library, handle),
                    "compute_capability": ".".join(
                        str(part) for part in library.nvmlDeviceGetCudaComputeCapability(handle)
                    ),
                    "largest_mhz": _largest_clock(library, handle),
                    "power_limit_watts": _power_limit(library, handle),
                }
                for handle in handles
            ],
        }


def _total_memory(library: Any, handle: Any) -> int | None:
    try:
        return int(library.nvmlDeviceGetMemoryInfo(handle, version=library.nvmlMemory_v2).total)
    except library.NVMLError:
        return None


def _largest_clock(library: Any, handle: Any) -> int | None:
    try:
        return int(library.nvmlDeviceGetMaxClockInfo(handle, library.NVML_CLOCK_SM))
    except library.NVMLError:
        return None


def _power_limit(library: Any, handle: Any) -> float | None:
    try:
        return float(library.nvmlDeviceGetPowerManagementLimit(handle)) / 1e3
    except library.NVMLError:
        return None
