"""Lack of disk space as the cause of a failed step, which libraries often tell as a file that is corrupt."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

LEAST = 1 << 20
"""Bytes that any step may need."""


def room_needed(inputs: Iterable[Path]) -> int:
    """Bytes that a step may write: a conversion holds what it reads twice."""
    files = (file for folder in inputs for file in folder.rglob("*") if file.is_file())
    return LEAST + 2 * sum(file.stat().st_size for file in files)


def free_bytes(place: Path) -> int:
    """Free on the disk that ``place`` is on, or will be: it need not be there yet."""
    there = place.absolute()
    return shutil.disk_usage(next(path for path in (there, *there.parents) if path.is_dir())).free


def full_disk(store: Path, needed: int) -> str | None:
    """What to do about the first place that a step writes to with less than ``needed`` bytes free; None: all have more.

    A step that failed has removed what it had written, so that a full disk need not look full any more.
    """
    temporary = Path(os.environ.get("TMPDIR") or tempfile.gettempdir())
    for place, way_out in ((store, "give another --store"), (temporary, "set TMPDIR to a folder elsewhere")):
        try:
            free = shutil.disk_usage(place).free
        except OSError:
            continue
        if free < needed:
            return f"{place}: the disk is full ({free:,} bytes free of the {needed:,} needed); make room or {way_out}"
    return None
