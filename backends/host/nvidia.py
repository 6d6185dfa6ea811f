"""NVIDIA devices as NVML tells them. Nothing here raises where there is no driver: the answer is None."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

Answer = TypeVar("Answer")

PACKAGES = (
    *("nvidia-cuda-runtime", "nvidia-cublas", "nvidia-cudnn-cu13"),
    *("nvidia-cuda-runtime-cu12", "nvidia-cublas-cu12", "nvidia-cudnn-cu12"),
)
"""Distributions of what a runtime loads for CUDA, and whose version is not its own."""

TENSORRT_PACKAGES = ("tensorrt", "tensorrt-cu13", "tensorrt-cu12")
"""Distributions that bring the module `tensorrt`; the first one only asks for one of the others."""

TENSORRT_MAJORS = (10, 11)
"""Each has a library of its own name: both may be on one machine."""

MAPS = Path("/proc/self/maps")

REASONS = {
    "power cap": "nvmlClocksEventReasonSwPowerCap",
    "power brake": "nvmlClocksThrottleReasonHwPowerBrakeSlowdown",
    "heat": "nvmlClocksEventReasonSwThermalSlowdown",
    "heat (hardware)": "nvmlClocksThrottleReasonHwThermalSlowdown",
    "clocks set by an application": "nvmlClocksEventReasonApplicationsClocksSetting",
}
"""What holds clocks down, with NVML's constant. That a device is idle is none of them."""


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
        if first.startswith("GPU-"):  # CUDA takes the beginning of a UUID too
            handles = map(library.nvmlDeviceGetHandleByIndex, range(library.nvmlDeviceGetCount()))
            return next(
                (handle for handle in handles if str(library.nvmlDeviceGetUUID(handle)).startswith(first)), None
            )
        return library.nvmlDeviceGetHandleByUUID(first) if first.startswith("MIG-") else None
    except library.NVMLError:
        return None


def ask_first_device(ask: Callable[[Any, Any], Answer]) -> Answer | None:
    """``ask(pynvml, handle)`` of the first device; None without one, or where the driver or `pynvml` does not tell."""
    with nvml() as library:
        handle = None if library is None else first_device(library)
        if handle is None:
            return None
        try:
            return ask(library, handle)
        except (library.NVMLError, AttributeError):  # a `pynvml` that is older than the question
            return None


def uses_cuda() -> bool:
    """Whether the driver's library is loaded in this process; True where that cannot be seen."""
    try:
        return "libcuda.so" in MAPS.read_text()
    except OSError:
        return True


def other_processes(process: int) -> int | None:
    """How many processes besides ``process``, which is this one, compute on the first device now; None without one.

    The driver numbers processes as the host does. In a container this one is not found by its number: where it uses
    CUDA, one of those that are listed is this one.
    """
    running: list[Any] | None = ask_first_device(
        lambda library, handle: library.nvmlDeviceGetComputeRunningProcesses(handle)
    )
    if running is None:
        return None
    others = [entry for entry in running if entry.pid != process]
    is_listed = len(others) < len(running) or uses_cuda()
    return max(0, len(running) - is_listed)


def hot_seconds() -> float | None:
    """For how long heat has held the first device's clocks down since its driver was loaded; None where not told."""
    return _held_back("NVML_PERF_POLICY_THERMAL")


def power_capped_seconds() -> float | None:
    """The same of its limit of power."""
    return _held_back("NVML_PERF_POLICY_POWER")


def _held_back(policy: str) -> float | None:
    """Seconds, of NVML's nanoseconds."""
    return ask_first_device(
        lambda library, handle: (
            library.nvmlDeviceGetViolationStatus(handle, getattr(library, policy)).violationTime / 1e9
        )
    )


def clock_mhz() -> int | None:
    """At which clock the first device's multiprocessors run now; None where not told."""
    return ask_first_device(lambda library, handle: int(library.nvmlDeviceGetClockInfo(handle, library.NVML_CLOCK_SM)))


def throttle_reasons() -> str | None:
    """What holds the first device's clocks down now, "power cap, heat"; empty: nothing does. None where not told."""

    def ask(library: Any, handle: Any) -> str:
        bits = library.nvmlDeviceGetCurrentClocksEventReasons(handle)
        return ", ".join(name for name, constant in REASONS.items() if bits & getattr(library, constant))

    return ask_first_device(ask)


def describe() -> dict[str, Any] | None:
    """Driver, CUDA version of the driver, what the loader finds, and the devices; None without a driver."""
    with nvml() as library:
        if library is None:
            return None
        cuda = library.nvmlSystemGetCudaDriverVersion_v2()
        handles = [library.nvmlDeviceGetHandleByIndex(i) for i in range(library.nvmlDeviceGetCount())]
        return {
            "driver": str(library.nvmlSystemGetDriverVersion()),
            "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}",
            "libraries": libraries(),
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


def libraries() -> dict[str, str | None]:
    """The versions of CUDA's runtime, cuDNN and TensorRT that the loader finds; None for one that it does not find.

    Asked of the libraries themselves: what a package manager installed is not always what is loaded.
    """
    engines = {f"TensorRT {major}": tensorrt_version(major) for major in TENSORRT_MAJORS}
    return {"CUDA": _cuda_runtime(), "cuDNN": _cudnn(), **engines}


def cuda_runtime() -> ctypes.CDLL | None:
    """CUDA's runtime, the system's or a Python package's; None without one."""
    return _library("libcudart.so.13", "libcudart.so.12")


def _cuda_runtime() -> str | None:
    library = cuda_runtime()
    if library is None:
        return None
    number = ctypes.c_int()
    return dotted(number.value, 1000, 10) if library.cudaRuntimeGetVersion(ctypes.byref(number)) == 0 else None


def _cudnn() -> str | None:
    library = _library("libcudnn.so.9", "libcudnn.so.8")
    if library is None:
        return None
    library.cudnnGetVersion.restype = ctypes.c_size_t
    number = int(library.cudnnGetVersion())
    return dotted(number, 10000, 100, 1) if number >= 90000 else dotted(number, 1000, 100, 1)


def tensorrt_version(major: int) -> str | None:
    """The version of TensorRT ``major`` that the loader finds; None where it finds none."""
    library = _library(f"libnvinfer.so.{major}")
    return None if library is None else dotted(int(library.getInferLibVersion()), 10000, 100, 1)


def dotted(number: int, *units: int) -> str:
    """A version that was packed into one number: ``dotted(91002, 10000, 100, 1)`` is "9.10.2"."""
    parts = []
    for unit in units:
        parts.append(str(number // unit))
        number %= unit
    return ".".join(parts)


def _library(*names: str) -> ctypes.CDLL | None:
    """The first of these that loads: where the loader looks, and in NVIDIA's Python packages (``nvidia/*/lib``)."""
    spec = importlib.util.find_spec("nvidia")
    packages = [] if spec is None else [Path(folder) for folder in spec.submodule_search_locations or ()]
    for name in names:
        for path in (name, *(str(file) for folder in packages for file in sorted(folder.glob(f"*/lib/{name}")))):
            try:
                return ctypes.CDLL(path)
            except OSError:
                continue
    return None
