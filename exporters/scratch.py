"""A folder that is written beside its place and renamed in when it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_beside(destination: Path) -> Iterator[Path]:
    """A new folder to write into; it replaces ``destination``, an empty folder, when the block ends.

    When the block is left by an exception, an interrupt among them, it is removed. What a killed process left there
    is removed by the next call for the same ``destination``.
    """
    destination = destination.resolve()
    prefix = f".{destination.name}.export-"
    for left in destination.parent.glob(f"{_literal(prefix)}*"):
        if not _alive(left.name.removeprefix(prefix).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=destination.parent, prefix=f"{prefix}{os.getpid()}-"))
    try:
        folder.chmod(destination.stat().st_mode)
        yield folder
        folder.rename(destination)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _literal(name: str) -> str:
    """``name`` as a pattern that matches nothing else."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def _alive(process: str) -> bool:
    """Whether the process of that number runs; of another user's, too."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
