"""A hash of what a checkpoint source names, so that a step knows when its input changed. Loads no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from harness.checkpoints.folder_check import check_folder, weight_files
from harness.checkpoints.locate import require_inside, source_folder
from harness.checkpoints.sentence_modules import module_files
from harness.config.checkpoints import (
    CheckpointSource,
    CutCheckpoint,
    HubCheckpoint,
    PrunedCheckpoint,
    RandomCheckpoint,
)

_NEVER_OPENED = {".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".ot", ".onnx", ".gguf", ".md", ".py"}
"""Weights that are not those loaded, code and prose. Tokenizers bring files of many other names."""


def source_digest(source: CheckpointSource) -> str:
    """SHA-256, hexadecimal, of the source's content.

    Local files are hashed by name and content. A hub checkpoint is its id and revision (pin a commit
    where the branch may move), a random one its architecture, a cut one its layers alone and a pruned one
    how much goes: what they are made of has a digest of its own. An embedded one is known by
    `harness.demo.weights.files` instead. Raises `UserError` when a local source is not there, or is
    no checkpoint at first look, or has a link to outside of it.
    """
    digest = hashlib.sha256()
    match source:
        case HubCheckpoint() | RandomCheckpoint():
            digest.update(source.model_dump_json().encode())
        case CutCheckpoint(layers=layers):
            digest.update(f"cut {list(layers)}".encode())
        case PrunedCheckpoint(sparsity=sparsity, heads=heads):
            digest.update(f"pruned {sparsity} {heads}".encode())
        case _:
            folder = source_folder(source)
            check_folder(folder)
            digest.update(folder_digest(folder, weight_files(folder)).encode())
    return digest.hexdigest()


def folder_digest(folder: Path, weights: Collection[Path]) -> str:
    """SHA-256 over the names and contents of the folder's files that a loader may open, ``weights`` among them.

    Of those in sub-folders there are the poolings of sentence encoders alone: `harness.checkpoints.named_files` refuses
    what names others.
    """
    digest = hashlib.sha256()
    for file in sorted([*(file for file in folder.iterdir() if file.is_file()), *module_files(folder)]):
        if (file.suffix in _NEVER_OPENED and file not in weights) or file.name.startswith("."):
            continue
        require_inside(file)
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        digest.update(f"{file.relative_to(folder)}\0{content}\n".encode())
    return digest.hexdigest()
