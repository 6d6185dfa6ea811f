"""Energy from the counters of the processor (RAPL) and the GPU (NVML); None where they cannot be read."""

from __future__ import annotations

from pathlib import Path

from backends.host.nvidia import ask_first_device

RAPL = Path("/sys/class/powercap")


class EnergyMeter:
    """Joules from the moment it is made. Machine-wide: other processes' are in it."""

    def __init__(self) -> None:
        self._packages = _package_microjoules()
        self._gpu = _gpu_millijoules()

    def joules(self) -> dict[str, float | None]:
        """``{"cpu", "gpu"}``: processor packages without memory, and the first GPU; None is unknown, never 0."""
        now, gpu = _package_microjoules(), _gpu_millijoules()
        packages = [
            (now[name][0] - before) % (largest + 1)  # the counter starts again at 0 after its largest value
            for name, (before, largest) in self._packages.items()
            if name in now
        ]
        return {
            "cpu": sum(packages) / 1e6 if packages else None,
            "gpu": None if self._gpu is None or gpu is None else (gpu - self._gpu) / 1e3,
        }


def _package_microjoules() -> dict[str, tuple[int, int]]:
    """By zone of RAPL: the counter and its largest value. Root alone may read it on most machines."""
    counters = {}
    for zone in sorted(RAPL.glob("*-rapl:[0-9]")) + sorted(RAPL.glob("*-rapl:[0-9][0-9]")):
        try:
            if (zone / "name").read_text().startswith("package"):
                values = [int((zone / file).read_text()) for file in ("energy_uj", "max_energy_range_uj")]
                counters[zone.name] = values[0], values[1]
        except (OSError, ValueError):
            continue
    return counters


def _gpu_millijoules() -> int | None:
    """Reported by Volta and later."""
    return ask_first_device(lambda library, handle: int(library.nvmlDeviceGetTotalEnergyConsumption(handle)))
