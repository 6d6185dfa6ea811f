"""Memory that a deployment needs: peak resident memory of the process, and memory of the GPU."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from backends.host.nvidia import ask_first_device, uses_cuda

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


class MemoryProbe:
    """Peak memory above the moment the probe is made.

    Make it in the bare process, before the runtime is imported and the model loaded::

        memory = MemoryProbe()
        ...                      # load, infer
        memory.peak_bytes(), memory.device_bytes()

    The kernel's own mark of resident memory (VmHWM) is set back at the start, so no peak is missed and
    nothing runs beside the measured code. Where that is not allowed, and off Linux, a thread samples every
    10 ms, which can miss a short peak: ``method`` says "sampled". `close` ends that thread.
    """

    INTERVAL_SECONDS = 0.01

    def __init__(self) -> None:
        self._device_baseline = _device_used()
        self._closed = threading.Event()
        self.method = "VmHWM" if _reset_high_water_mark() else "sampled"
        self.baseline = self._sampled = resident_bytes()
        if self.method == "sampled":
            threading.Thread(target=self._sample, name="memory-probe", daemon=True).start()

    def peak_bytes(self) -> int:
        """Resident bytes above the baseline at the peak so far."""
        mark = _status_bytes("VmHWM") if self.method == "VmHWM" else None
        if mark is None:
            mark = self._sampled = max(self._sampled, resident_bytes())
        return max(0, mark - self.baseline)

    def device_bytes(self) -> int | None:
        """GPU bytes: this process's where the driver tells them, else the device's above the baseline."""
        memory = self.device_memory()
        return memory.device if memory.process is None else memory.process

    def device_memory(self) -> DeviceMemory:
        """Both figures. NVML tells only the present, but the runtimes' allocators keep what they once took:
        read after the largest batch, this is their peak."""
        if not uses_cuda():  # then a change on the device is another's
            return DeviceMemory(device=None, process=None)
        used, baseline = _device_used(), self._device_baseline
        above = 0 if used is None or baseline is None else used - baseline
        return DeviceMemory(device=above if above > 0 else None, process=_process_used(os.getpid()))

    def close(self) -> None:
        self._closed.set()

    def _sample(self) -> None:
        while not self._closed.wait(self.INTERVAL_SECONDS):
            self._sampled = max(self._sampled, resident_bytes())


@dataclass(frozen=True)
class DeviceMemory:
    """GPU memory in bytes. None is unknown, or no GPU used; it is never written as 0.

    ``device`` is what the whole device uses above the baseline: other processes' changes are in it. Where another has
    freed more than this one took, nothing is known.
    ``process`` is what the driver books for this process; in a container it often cannot be read.
    """

    device: int | None
    process: int | None


def resident_bytes() -> int:
    """Resident memory of this process now."""
    now = _status_bytes("VmRSS")
    if now is not None:
        return now
    import psutil

    return int(psutil.Process().memory_info().rss)


def _reset_high_water_mark() -> bool:
    """Set VmHWM back to the resident memory of now (Linux's proc(5): write 5 to clear_refs)."""
    if _status_bytes("VmHWM") is None:
        return False
    try:
        _CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return True


def _status_bytes(field: str) -> int | None:
    try:
        match = re.search(rf"^{field}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if match is None else int(match[1]) * 1024


def _device_used() -> int | None:
    # Version 2 leaves out what the driver reserves for itself.
    return ask_first_device(
        lambda library, handle: int(library.nvmlDeviceGetMemoryInfo(handle, version=library.nvmlMemory_v2).used)
    )


def _process_used(process: int) -> int | None:
    running = ask_first_device(lambda library, handle: library.nvmlDeviceGetComputeRunningProcesses(handle))
    # Absent in a container with its own process ids; usedGpuMemory is None without the permission.
    mine = [entry.usedGpuMemory for entry in running or () if entry.pid == process]
    return int(mine[0]) if mine and mine[0] is not None else None
