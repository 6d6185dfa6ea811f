"""Memory that a deployment needs: peak resident memory of the process, and memory of the GPU."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from backends.nvidia import first_device, nvml

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


class ResidentPeak:
    """Peak resident memory above the moment of entering, in bytes.

    ::

        with ResidentPeak() as memory:   # in the bare process, before the runtime is imported
            ...
            memory.above_baseline()

    The kernel's own mark (VmHWM) is set back on entering, so no peak is missed and nothing runs beside the
    measured code. Where that is not allowed, and off Linux, a thread samples every 10 ms (``method`` says
    "sampled"): it can miss a short peak.
    """

    INTERVAL_SECONDS = 0.01

    def __init__(self) -> None:
        self.method = "VmHWM"
        self.baseline = 0
        self._sampled = 0
        self._peak: int | None = None
        self._stop = threading.Event()
        self._sampler: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._peak = None
        if not _reset_high_water_mark():
            self.method = "sampled"
            self._stop.clear()
            self._sampler = threading.Thread(target=self._sample, name="resident-peak", daemon=True)
            self._sampler.start()
        self.baseline = self._sampled = resident_bytes()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._peak = self._read()
        if self._sampler is not None:
            self._stop.set()
            self._sampler.join()
            self._sampler = None

    def above_baseline(self) -> int:
        """Bytes above the baseline at the peak so far (or until the block was left)."""
        peak = self._read() if self._peak is None else self._peak
        return max(0, peak - self.baseline)

    def _read(self) -> int:
        if self.method == "VmHWM":
            mark = _status_bytes("VmHWM")
            if mark is not None:
                return mark
        self._sampled = max(self._sampled, resident_bytes())
        return self._sampled

    def _sample(self) -> None:
        while not self._stop.wait(self.INTERVAL_SECONDS):
            self._sampled = max(self._sampled, resident_bytes())


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
        found = re.search(rf"^{field}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else int(found[1]) * 1024


@dataclass(frozen=True)
class DeviceMemory:
    """GPU memory in bytes; None is unknown.

    ``device`` is what the whole device uses above the baseline: other processes' changes are in it.
    ``process`` is what the driver books for this process; in a container it often cannot be read.
    """

    device: int | None
    process: int | None


class DeviceMemoryProbe:
    """GPU memory against a baseline taken before the model is loaded. Create it, load, infer, then `read`.

    NVML tells only the present. The runtimes' allocators keep what they once took, so a reading after the
    largest batch is their peak.
    """

    def __init__(self) -> None:
        self.baseline = _device_used()

    def read(self) -> DeviceMemory:
        used = _device_used()
        known = used is not None and self.baseline is not None
        return DeviceMemory(
            device=max(0, used - self.baseline) if known else None,  # type: ignore[operator]
            process=_process_used(os.getpid()),
        )


def _device_used() -> int | None:
    with nvml() as library:
        handle = None if library is None else first_device(library)
        if handle is None:
            return None
        try:  # version 2 leaves out what the driver reserves for itself
            return int(library.nvmlDeviceGetMemoryInfo(handle, version=library.nvmlMemory_v2).used)
        except library.NVMLError:
            return None


def _process_used(process: int) -> int | None:
    with nvml() as library:
        handle = None if library is None else first_device(library)
        if handle is None:
            return None
        try:
            running = library.nvmlDeviceGetComputeRunningProcesses(handle)
        except library.NVMLError:
            return None
        # Absent in a container with its own process ids; usedGpuMemory is None without the permission.
        mine = [entry.usedGpuMemory for entry in running if entry.pid == process]
        return int(mine[0]) if mine and mine[0] is not None else None
