"""Arrays as NumPy writes them, a row for each example: representations, or probabilities or logits of classes."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.errors import one_line
from harness.data.checks import bad_data, checked_id, short
from harness.data.files import existing_file
from harness.errors import UserError
from harness.external_outputs.probabilities import KINDS, kind_of_file, normalised
from harness.external_outputs.read import Probabilities, Representations


def read_arrays(path: Path) -> Representations | Probabilities:
    """(n, d) floats of 2, 4 or 8 bytes, from an .npy file or an .npz file.

    They are probabilities or logits where an archive calls its array so, with `ids` (n,) and `classes` (d,) beside it
    or without, or where the file's name ends in the word. The only array of any other file is a representation.

    Raises:
        UserError: no such file, no array, several, another shape or type, or numbers that are not what they should be.
    """
    existing_file(path)
    try:
        arrays = _arrays(path)
    except (ValueError, OSError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path}: no array that NumPy can read ({one_line(error)}); write it with numpy.save, as an array of floats"
        ) from None
    named = [kind for kind in KINDS if kind in arrays]
    kind = named[0] if named else kind_of_file(path)
    rows = arrays.pop(kind or "", None) if named else None
    others = set(arrays) - ({"ids", "classes"} if kind else set())
    if rows is None and len(others) == 1:
        rows = arrays.pop(others.pop())
    if rows is None or others:
        held = ", ".join([*named, *(name for name in arrays if name not in named)])
        contents = f"it holds {len(arrays) + len(named)} arrays: {held}"
        raise UserError(
            f"{path}: {contents}; give one array of representations, or one that is called probabilities or logits, "
            "with ids and classes beside it or without"
        )
    if rows.dtype.kind != "f" or rows.ndim != 2 or 0 in rows.shape:
        what = f"has the type {rows.dtype} and the shape {rows.shape}"
        raise bad_data(path, "the array", what, "write floats of the shape (examples, dimensions)")
    if kind is None:
        return _representations(path, rows)
    classes = _names(path, arrays, "classes", rows.shape[1]) or tuple(map(str, range(rows.shape[1])))
    return Probabilities(path, _names(path, arrays, "ids", len(rows)), classes, normalised(path, rows, kind, classes))


def _representations(path: Path, rows: NDArray[Any]) -> Representations:
    with np.errstate(over="ignore"):  # told in the next lines
        representations = np.ascontiguousarray(rows, dtype=np.float32)
    broken = np.flatnonzero(~np.isfinite(representations).all(axis=1))
    if broken.size:
        what = f"{broken.size:,} of {len(representations):,} rows hold NaN, infinity or more than float32 can"
        raise bad_data(path, f"row {broken[0]}", what, "leave these examples out everywhere, or compute them again")
    return Representations(path, representations)


def _names(path: Path, arrays: Mapping[str, NDArray[Any]], name: str, count: int) -> tuple[str, ...] | None:
    """The array of texts or whole numbers of an archive; None where it has none."""
    if name not in arrays:
        return None
    array = arrays[name]
    if array.shape != (count,):
        what = f"has the shape {array.shape}, not ({count},)"
        raise bad_data(path, f"the array {name!r}", what, "give one for each row" if name == "ids" else "one a column")
    names = tuple(checked_id(path, f"{name}[{index}]", value) for index, value in enumerate(array.tolist()))
    twice, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise bad_data(path, f"the array {name!r}", f"has {short(twice)} {times} times", "name each once")
    return names


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """By name; of an .npy file one, without a name. Never through pickle, which would run what a file says."""
    if not zipfile.is_zipfile(path):
        # Mapped, a file that promises more rows than it has is an error instead of an attempt to make room.
        return {"": np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))}
    with np.load(path, allow_pickle=False) as archive:
        return {name: np.asarray(archive[name]) for name in archive}
