"""Settings by which a checkpoint embeds texts: its pooling, and what stands before the texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from exporters.errors import ExportError
from exporters.files import EMBEDDING
from exporters.pooling import POOLINGS, Pooling


@dataclass(frozen=True)
class Embedding:
    pooling: Pooling = "mean+normalize"
    prompts: Mapping[str, str] = field(default_factory=dict)
    """What is put before a text, by its kind: ``query``, ``document``, or ``""``, which is any other."""
    max_tokens: int | None = None
    """Longer texts are cut, by whoever asks the checkpoint's authors; None: they do not say."""


def write_embedding(folder: Path, embedding: Embedding) -> None:
    (folder / EMBEDDING).write_text(json.dumps(asdict(embedding), ensure_ascii=False) + "\n", encoding="utf-8")


def read_embedding(folder: Path) -> Embedding | None:
    """What the file in ``folder`` says; None where there is none. Raises `ExportError` for one that is damaged."""
    path = folder / EMBEDDING
    if not path.is_file():
        return None
    try:
        embedding = Embedding(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ExportError(f"{path} cannot be read ({error}): make the checkpoint again") from None
    if embedding.pooling not in POOLINGS:
        raise ExportError(f"{path}: pooling {embedding.pooling!r} is not known: make the checkpoint again")
    return embedding


def read_pooling(folder: Path) -> Pooling:
    """The pooling that a checkpoint's folder states. Raises `ExportError` where it states none."""
    embedding = read_embedding(folder)
    if embedding is None:
        raise ExportError(f"{folder} does not say how it is pooled: give a pooling, one of {', '.join(POOLINGS)}")
    return embedding.pooling
