"""Locks on files, which the kernel takes back however their holder ends; a shared folder's server as well."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(file: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold ``file``, alone or with others who share it; one who holds it alone writes the process into it.

    Raises:
        BlockingIOError: another holds it.
        OSError: it cannot be made.
    """
    with file.open("a") as held:
        fcntl.flock(held, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        if not shared:
            held.truncate(0)
            held.write(str(os.getpid()))
            held.flush()
        yield


def holder(file: Path) -> str:
    """Who holds ``file`` alone, in parentheses for a message; empty where it does not say."""
    try:
        return f" (process {int(file.read_text())})"
    except (OSError, ValueError):
        return ""
