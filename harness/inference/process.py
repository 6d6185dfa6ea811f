"""The process at work: it ends with the one that started it, imports no more than it needs, and gives memory back."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
from multiprocessing import parent_process
from pathlib import Path


def die_with_parent() -> None:
    """Ask the kernel to end this process when the one that started it dies, however it dies (Linux only).

    An orphan would go on writing into the store beside the run that takes the lock next, or wait in memory for ever.
    """
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    parent = parent_process()  # None where multiprocessing did not start this one
    if parent is not None and not parent.is_alive():  # it died before the kernel was asked
        os._exit(1)


def age() -> float:
    """Seconds since this process was started; 0 where only Linux would tell."""
    if sys.platform != "linux":
        return 0.0
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def give_memory_back() -> None:
    """Let go of what the step before has left: the peak of a process is then that of its largest step (glibc only)."""
    gc.collect()
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


def peak_bytes() -> int | None:
    """Resident bytes of this process at their peak; None where only Linux would tell."""
    if sys.platform != "linux":
        return None
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(peak.split()[1])


def import_transformers() -> None:
    """Import transformers, and with it torch, in two thirds of the time: before whatever else imports it.

    Where it finds scikit-learn and SciPy it imports them, and with them pandas, for assisted generation and the
    detection of objects.
    """
    if "transformers" in sys.modules:
        return
    hidden = [name for name in ("sklearn", "scipy") if name not in sys.modules]
    gc.disable()  # nothing of half a million new objects is garbage
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: cannot be imported
    try:
        import transformers.utils  # where it looks for them
    finally:
        for name in hidden:
            del sys.modules[name]
    import transformers.models.auto.modeling_auto  # noqa: F401

    gc.freeze()
    gc.enable()
