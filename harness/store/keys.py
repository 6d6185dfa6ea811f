"""Content keys: the hash of everything a step depends on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def key_of(inputs: Any) -> str:
    """The key of a step, from its inputs as JSON values: 32 hexadecimal digits of their SHA-256."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
