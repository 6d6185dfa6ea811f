"""Data files as text, or as words; whatever keeps one from being read is a line that a person can act on."""

from __future__ import annotations

from pathlib import Path

from harness.data.checks import bad_data
from harness.errors import UserError


def existing_file(path: Path) -> Path:
    """The path, if it names a file with something in it."""
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a data file; name the file in it")
        if not path.is_file() and path.exists():
            raise UserError(f"{path}: is no regular file but a pipe or a device; write the data to a file")
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the data file is empty; fetch or write it again")
    except FileNotFoundError:
        raise UserError(f"{path}: no such data file; correct the path or put the file there") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{str(path)!r}: cannot be read ({reason}); check its permissions") from None
    return path


def read_text(path: Path) -> str:
    """The whole file as UTF-8, without a byte order mark; line ends as they are."""
    try:
        raw = existing_file(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        value = f"byte 0x{raw[error.start]:02x} at offset {error.start} is not UTF-8"
        raise bad_data(path, f"line {line}", value, "convert the file to UTF-8") from None


def read_stop_words(path: Path) -> list[str]:
    """The words of a text file, in lower case, sorted, each once.

    Raises:
        UserError: the file cannot be read, or has no words.
    """
    if words := sorted(set(read_text(path).lower().split())):
        return words
    raise UserError(f"{path}: has no stop words; write some into it")
