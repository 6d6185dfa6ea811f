"""How long a process lives: never longer than the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from multiprocessing import parent_process


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
