"""`list`: what there is to choose from, one a line, in columns that a shell can cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import yaml

from harness.command_line.configs import shipped
from harness.command_line.show import runs


def list_what(what: str, store: Path) -> None:
    for line in _LISTS[what](store):
        print(line)


def _configs(_: Path) -> Iterable[str]:
    for path in shipped():
        description = yaml.safe_load(path.read_text(encoding="utf-8")).get("description", "")
        yield f"{path.stem:<24} {' '.join(description.split())}"


def _runs(store: Path) -> Iterable[str]:
    for folder in runs(store):
        yield str(folder)


def _formats(_: Path) -> Iterable[str]:
    from exporters.formats import FORMATS

    for name, format in FORMATS.items():
        yield f"{name:<24} {format.summary}"


def _backends(_: Path) -> Iterable[str]:
    from backends.registry import BACKENDS

    yield from BACKENDS


def _models(_: Path) -> Iterable[str]:
    from harness.config.study import Architecture
    from harness.embedded import embedded_names

    for architecture in get_args(Architecture):
        yield f"random: {architecture}"
    for task in ("question-answering", "text-classification", "masked-language-model"):
        for name in embedded_names(task):
            yield f"embedded: {name:<24} {task}"


def _schema(_: Path) -> Iterable[str]:
    from harness.config.schema import json_schema

    yield json.dumps(json_schema(), indent=2)


_LISTS = {
    "configs": _configs,
    "runs": _runs,
    "formats": _formats,
    "backends": _backends,
    "models": _models,
    "schema": _schema,
}
