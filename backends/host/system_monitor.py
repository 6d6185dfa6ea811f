"""Monitor of the machine while something is measured: other processes, throttling, energy.

All from counters that the kernel and the driver keep anyway: nothing runs beside the measured code.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from backends.host import nvidia
from backends.host.energy import EnergyMeter
from backends.host.machine import throttled_seconds, usable_cpus

STAT = Path("/proc/stat")
THERMAL = Path("/sys/devices/system/cpu")

_BUSY = slice(0, 3)  # user, nice, system
_INTERRUPTS = slice(5, 7)  # irq, softirq
_STEAL = 7


class SystemMonitor:
    """From the moment it is made to `stop`::

    monitor = SystemMonitor()
    ...                 # measure
    monitor.stop()
    """

    def __init__(self) -> None:
        self._cpus = usable_cpus()
        self._energy = EnergyMeter()
        self._mhz = nvidia.clock_mhz()
        self._started = self._read()

    def stop(self) -> dict[str, Any]:
        """Ready for JSON; what cannot be read here is None.

        ``seconds``; of the cores that this process may use: ``own_cpu_seconds``, ``other_cpu_seconds`` (other
        processes'), ``steal_seconds`` (other virtual machines'); ``quota_seconds`` in which the container's quota
        held the process back; ``thermal_throttles``, counted; ``gpu_hot_seconds`` and ``gpu_power_capped_seconds`` in
        which heat and the limit of power held the GPU's clocks down; ``gpu_mhz_before`` and ``gpu_mhz_after``;
        ``gpu_throttle_reasons``, now; ``gpu_processes`` besides this one, now; ``cores``; and ``energy_joules`` by what
        used it, see `EnergyMeter`.
        """
        before, after = self._started, self._read()
        energy = self._energy.joules()
        changed = {name: _difference(before[name], after[name]) for name in before}
        busy = changed.pop("busy")
        own = changed["own_cpu_seconds"]
        return {
            **changed,
            "other_cpu_seconds": None if busy is None or own is None else max(0.0, busy - own),
            "cores": len(self._cpus),
            "gpu_mhz_before": self._mhz,
            "gpu_mhz_after": nvidia.clock_mhz(),
            "gpu_throttle_reasons": nvidia.throttle_reasons(),
            "gpu_processes": nvidia.other_processes(os.getpid()),
            "energy_joules": energy,
        }

    def _read(self) -> dict[str, float | None]:
        busy, steal = _cpu_seconds(self._cpus)
        return {
            "seconds": time.perf_counter(),
            "own_cpu_seconds": time.process_time(),
            "busy": busy,
            "steal_seconds": steal,
            "quota_seconds": throttled_seconds(),
            "thermal_throttles": _thermal_throttles(self._cpus),
            "gpu_hot_seconds": nvidia.hot_seconds(),
            "gpu_power_capped_seconds": nvidia.power_capped_seconds(),
        }


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _cpu_seconds(cpus: list[int]) -> tuple[float | None, float | None]:
    """Busy and stolen seconds since boot, summed over ``cpus``."""
    try:
        lines = STAT.read_text().splitlines()
    except OSError:
        return None, None
    ticks = os.sysconf("SC_CLK_TCK")
    wanted = {f"cpu{cpu}" for cpu in cpus}
    rows = [[int(word) for word in words[1:]] for line in lines if (words := line.split()) and words[0] in wanted]
    if not rows or any(len(row) <= _STEAL for row in rows):
        return None, None
    busy = sum(sum(row[_BUSY]) + sum(row[_INTERRUPTS]) for row in rows)
    return busy / ticks, sum(row[_STEAL] for row in rows) / ticks


def _thermal_throttles(cpus: list[int]) -> float | None:
    """How often the cores were slowed for heat since boot; None where the kernel does not count it."""
    counts = []
    for cpu in cpus:
        try:
            counts.append(int((THERMAL / f"cpu{cpu}/thermal_throttle/core_throttle_count").read_text()))
        except (OSError, ValueError):
            continue
    return float(sum(counts)) if counts else None
