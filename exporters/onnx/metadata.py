"""Metadata of an ONNX file, for whoever finds it without its manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.errors import ExportError
from exporters.manifest import Manifest

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = "scalemodel."
ORIGIN = ("checkpoint_sha256", "hub", "revision", "commit")
"""What of a manifest's ``source`` the file tells itself; all but the first are of a hub's checkpoint alone."""


def set_metadata(model: ModelProto, manifest: Manifest, *, tokenizer_sha256: str) -> None:
    """Write the model's ``metadata_props``, in place of those of the file that it was converted from.

    Everything in them is a function of the source and the options: no time, no path.
    """
    entries = {
        **{key: manifest.source[key] for key in ORIGIN if key in manifest.source},
        "format": manifest.format,
        "labels": json.dumps(manifest.labels, ensure_ascii=False),
        "pooling": manifest.pooling,
        "task": manifest.task,
        "tokenizer_sha256": tokenizer_sha256,
    }
    kept = [entry for entry in model.metadata_props if not entry.key.startswith(PREFIX)]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    for key, value in entries.items():
        model.metadata_props.add(key=PREFIX + key, value=value)


def read_metadata(model: ModelProto) -> dict[str, str]:
    """What `set_metadata` wrote, by key; empty for a file of other origin."""
    entries = (entry for entry in model.metadata_props if entry.key.startswith(PREFIX))
    return {entry.key.removeprefix(PREFIX): entry.value for entry in entries}


def check_metadata(
    metadata: Mapping[str, str], where: Path, *, task: str, labels: Sequence[str], pooling: str | None
) -> None:
    """Raise `ExportError` where the ``metadata`` of a file contradicts what it is to be used for.

    ``pooling`` None: the file's own is not used. Other names for the same number of classes are no contradiction,
    the same names in another order are.
    """
    if metadata.get("task", task) != task:
        raise ExportError(f"{where} says that it was exported for {metadata['task']}, not {task}: give it to that task")
    if pooling is not None and metadata.get("pooling", pooling) != pooling:
        raise ExportError(
            f"{where} says that its representation is pooled by {metadata['pooling']!r}, not {pooling!r}: set pooling "
            "to that, or leave the representation out, with representation: none"
        )
    stated = [label.casefold() for label in json.loads(metadata.get("labels", "null")) or ()]
    wanted = [label.casefold() for label in labels]
    if stated != wanted and sorted(stated) == sorted(wanted):
        raise ExportError(
            f"{where} says that its labels are {', '.join(stated)}, in this order, not {', '.join(labels)}: write them "
            "in the model's order"
        )
