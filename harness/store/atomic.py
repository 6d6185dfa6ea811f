"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import UserError


def write_text(path: Path, text: str) -> None:
    """As UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside the place and rename in, so that a reader or a kill never meets half a file.

    A pipe or a device (`/dev/stdout`) is written to, as it must not be replaced.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as device:
            device.write(content)
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@contextlib.contextmanager
def reporting_unwritable(what: str) -> Iterator[None]:
    """Turn an error of writing the file that a person asked for into a `UserError`; ``what``: the option, the file."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{what}: cannot be written ({error.strerror}); name another file") from None


def require_writable(folder: Path, way_out: str) -> None:
    """Raise a `UserError` where ``folder`` cannot be made, or written; a full disk is told elsewhere.

    Tried, and removed again: /proc, for one, says that root may write to it.
    """
    try:
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    except OSError as error:
        raise UserError(f"{folder}: cannot be a folder ({error.strerror}); {way_out}") from None
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"{folder}: cannot be written ({there} is no folder to write in); {way_out}")
    try:
        Path(tempfile.mkdtemp(dir=there, prefix=".scalemodel-")).rmdir()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise UserError(f"{folder}: cannot be written ({there}: {error.strerror}); {way_out}") from None


def remove(path: Path) -> None:
    """Remove a folder with all that is in it, a file, or a link (never what it points to), if it can be."""
    if path.is_symlink() or path.is_file():
        with contextlib.suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Versioned files are read by people too: indented, keys in the order given, no NaN."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
