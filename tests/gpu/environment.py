"""``env.json``: the machine, what works on it, and what NVML and CUDA tell of it."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from backends.host import nvidia
from backends.host.machine import environment
from backends.registry import BACKENDS, availability
from tests.gpu.device import memory_info, need, standin
from tests.gpu.record import Record, Skipped


def run(root: Path, record: Record) -> None:
    record.item("stand-in", lambda: standin() is not None)
    record.item("python", lambda: {"version": platform.python_version(), "system": platform.platform()})
    record.item("machine", environment)
    record.item("packages", lambda: {entry.name: entry.version for entry in metadata.distributions()})
    for name in BACKENDS:
        record.item(f"doctor {name}", lambda name=name: asdict(availability(name)))  # type: ignore[misc]
    record.item("cudaMemGetInfo", memory_info)
    record.item("own process in NVML", _own_process)
    record.item("energy counter", _energy)
    for name, ask in NVML.items():
        record.item(f"NVML {name}", lambda ask=ask: _told(ask))  # type: ignore[misc]


NVML: dict[str, Any] = {
    "clocks, MHz": lambda library, handle: {
        "SM": library.nvmlDeviceGetClockInfo(handle, library.NVML_CLOCK_SM),
        "memory": library.nvmlDeviceGetClockInfo(handle, library.NVML_CLOCK_MEM),
        "largest SM": library.nvmlDeviceGetMaxClockInfo(handle, library.NVML_CLOCK_SM),
    },
    "throttle reasons": lambda library, handle: hex(library.nvmlDeviceGetCurrentClocksThrottleReasons(handle)),
    "power, W": lambda library, handle: library.nvmlDeviceGetPowerUsage(handle) / 1e3,
    "power limit, W": lambda library, handle: library.nvmlDeviceGetPowerManagementLimit(handle) / 1e3,
    "temperature": lambda library, handle: library.nvmlDeviceGetTemperature(handle, library.NVML_TEMPERATURE_GPU),
    "MIG mode": lambda library, handle: library.nvmlDeviceGetMigMode(handle),
    "compute mode": lambda library, handle: library.nvmlDeviceGetComputeMode(handle),
    "persistence mode": lambda library, handle: library.nvmlDeviceGetPersistenceMode(handle),
}


def _told(ask: Any) -> Any:
    try:
        found = nvidia.ask_first_device(ask)
    except AttributeError as error:
        raise Skipped(f"this pynvml has no such function: {error}") from None
    if found is None:
        raise Skipped("the driver does not tell")
    return found


def _own_process() -> dict[str, Any]:
    """Whether a process that computes finds its own number among those of the device, as in most containers not."""
    need("onnxruntime-cuda")  # its trial has made CUDA's context in this process
    entries = nvidia.ask_first_device(
        lambda library, handle: [
            {"pid": entry.pid, "bytes": entry.usedGpuMemory}
            for entry in library.nvmlDeviceGetComputeRunningProcesses(handle)
        ]
    )
    return {
        "pid": os.getpid(),
        "processes": entries,
        "own is seen": entries is not None and os.getpid() in [entry["pid"] for entry in entries],
        "others, as SystemMonitor counts them": nvidia.other_processes(os.getpid()),
    }


def _energy() -> dict[str, Any]:
    """Twice, a second apart: a counter that stands still is none."""

    def millijoules() -> int | None:
        return nvidia.ask_first_device(lambda library, handle: library.nvmlDeviceGetTotalEnergyConsumption(handle))

    before = millijoules()
    time.sleep(1)
    return {"millijoules": [before, millijoules()]}
