"""Files of an artifact: linking them in place of copying, and their digests."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from exporters.errors import ExportError


def link_or_copy(source: Path, destination: Path) -> None:
    """Give ``source`` a second name; copy it where the file system cannot (other disk, no hard links).

    Symbolic links are resolved first: a hub cache is made of them, and `onnx` refuses data behind one.
    """
    source = source.resolve()
    try:
        os.link(source, destination)
    except OSError:
        shutil.copyfile(source, destination)


def check_inside(file: Path, folder: Path) -> None:
    """Raise `ExportError` where ``file``, once links are followed, lies outside of ``folder``.

    A folder from elsewhere must not be able to name any file of this machine. A snapshot in a hub's cache is made of
    links into the ``blobs`` beside ``snapshots``: these are of the folder too.
    """
    root, target = folder.resolve(), file.resolve()
    blobs = [parent.with_name("blobs") for parent in root.parents if parent.name == "snapshots"]
    if not any(target.is_relative_to(own) for own in (root, *blobs)):
        raise ExportError(f"{file} is a link to {target}, outside of its folder: copy that file to its place")


TOKENIZER = "tokenizer.json"
TOKENIZER_SETTINGS = "tokenizer_config.json"
"""What of the tokenizer its file does not say, as `transformers` saves it: which inputs its models take, ..."""
EMBEDDING = "embedding.json"
"""Of a checkpoint for embeddings, beside the tokenizer: `exporters.embedding`."""
CONFIG = "config.json"
BESIDE_THE_MODEL = (CONFIG, TOKENIZER, TOKENIZER_SETTINGS, EMBEDDING)
"""Files of an artifact that are no part of the network."""


def copy_tokenizer(source: Path, destination: Path) -> None:
    """Link (or copy) the tokenizer of ``source``, with its settings, and its prompts, where it has them."""
    link_or_copy(source / TOKENIZER, destination / TOKENIZER)
    for name in (TOKENIZER_SETTINGS, EMBEDDING):
        if (source / name).is_file():
            link_or_copy(source / name, destination / name)


def require(folder: Path, name: str, remedy: str) -> Path:
    """The file ``name`` of ``folder``, or an `ExportError` that ends in ``remedy``."""
    path = folder / name
    if not path.is_file():
        raise ExportError(f"{folder} has no {name}: {remedy}")
    return path


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_files(folder: Path, names: tuple[str, ...]) -> dict[str, dict[str, str | int]]:
    """``{name: {"sha256", "bytes"}}`` of those ``names`` that are in ``folder``."""
    present = {name: folder / name for name in names if (folder / name).is_file()}
    return {name: {"sha256": sha256(path), "bytes": path.stat().st_size} for name, path in present.items()}
