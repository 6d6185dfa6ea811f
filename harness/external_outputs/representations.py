"""Representations as NumPy writes them: one array, a row for each example."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.checks import bad_data
from harness.data.files import existing_file
from harness.errors import UserError
from harness.external_outputs.read import Representations


def read_representations(path: Path) -> Representations:
    """(n, d) floats of 2, 4 or 8 bytes, from an .npy file or an .npz file with one array, as float32.

    Raises:
        UserError: no such file, no array, several, another shape or type, or NaN or infinity in it.
    """
    existing_file(path)
    try:
        rows = _only_array(path)
    except (ValueError, OSError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(
            f"{path}: no array that NumPy can read ({reason}); write it with numpy.save, as an array of floats"
        ) from None
    if rows.dtype.kind != "f" or rows.ndim != 2 or 0 in rows.shape:
        what = f"has the type {rows.dtype} and the shape {rows.shape}"
        raise bad_data(path, "the array", what, "write floats of the shape (examples, dimensions)")
    with np.errstate(over="ignore"):  # told in the next lines
        found = np.ascontiguousarray(rows, dtype=np.float32)
    broken = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if broken.size:
        what = f"{broken.size:,} of {len(found):,} rows hold NaN, infinity or more than float32 can"
        raise bad_data(path, f"row {broken[0]}", what, "leave these examples out everywhere, or compute them again")
    return Representations(path, found)


def _only_array(path: Path) -> NDArray[Any]:
    """Never through pickle, which would run what a file from elsewhere says."""
    if not zipfile.is_zipfile(path):
        # Mapped, a file that promises more rows than it has is an error instead of an attempt to make room.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    with np.load(path, allow_pickle=False) as archive:
        names = list(archive)
        if len(names) != 1:
            raise ValueError(f"it holds {len(names)} arrays: {', '.join(names)}; one is expected")
        return np.asarray(archive[names[0]])
