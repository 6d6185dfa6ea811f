"""A runtime's own account of a deployment on disk, beside its outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from harness.store.atomic import write_json
from harness.store.record import Record, parse_record

FILE = "describe.json"


class RuntimeFacts(Record):
    """What really ran, as the opened backend tells it."""

    backend: str
    """Its name."""
    provider: str
    """Execution provider or device."""
    threads: int
    """Of one operator."""
    options: dict[str, JsonValue]
    """The backend's, defaults filled in."""
    left_to_cpu: dict[str, int]
    """Nodes by operator that the provider left to the CPU."""
    versions: dict[str, str]
    """By package."""
    details: dict[str, JsonValue]
    """What else this backend tells: nodes by provider, kernels, precisions, digests of engines."""


def write_runtime(folder: Path, description: Mapping[str, JsonValue]) -> None:
    """``description`` as `backends.backend.Backend.describe` gives it: the details stand beside all else."""
    write_json(folder / FILE, description)


def read_runtime(folder: Path) -> RuntimeFacts:
    """Raises UserError for a field that is missing or of another type."""
    path = folder / FILE
    description = json.loads(path.read_text(encoding="utf-8"))
    facts = {name: value for name, value in description.items() if name in RuntimeFacts.model_fields}
    details = {name: value for name, value in description.items() if name not in facts}
    return parse_record(path, json.dumps({**facts, "details": details}), RuntimeFacts)
