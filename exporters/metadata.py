"""What an ONNX file says about itself, for whoever finds it without its manifest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exporters.manifest import Manifest

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = "scalemodel."


def set_metadata(model: ModelProto, manifest: Manifest, *, tokenizer_sha256: str) -> None:
    """Write the model's ``metadata_props``, in place of those of the file that it was converted from.

    Everything in them is a function of the source and the options: no time, no path.
    """
    entries = {
        "checkpoint_sha256": manifest.source["checkpoint_sha256"],
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
