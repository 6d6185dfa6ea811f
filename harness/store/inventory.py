"""Content of a store: its finished steps, and the files that they and others are made of."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, cast

from harness.store.step import StepRef, StepSubject
from harness.store.steps import Store


@dataclass(frozen=True)
class KeptStep:
    """A step's folder; a link in its place is one as well, and nothing of what it points to belongs to it."""

    kind: str
    key: str
    path: Path

    @property
    def subject(self) -> StepSubject:
        """Empty where the step is damaged."""
        return self._record[0]

    @property
    def seconds(self) -> float | None:
        """How long it took; None where that was not recorded."""
        return self._record[1]

    @property
    def refs(self) -> list[StepRef]:
        """The steps that it needed."""
        return self._record[2]

    @cached_property
    def _record(self) -> tuple[StepSubject, float | None, list[StepRef]]:
        try:
            record = json.loads((self.path / "step.json").read_text(encoding="utf-8"))
            step = record["step"]
            return cast("StepSubject", dict(step["subject"])), record.get("seconds"), list(_refs(step["inputs"]))
        except (OSError, ValueError, KeyError, TypeError):
            return {}, None, []


def _refs(recorded: Any) -> Iterator[StepRef]:
    """Of inputs as JSON, be they of a kind that this version does not know."""
    match recorded:
        case {"kind": str(kind), "key": str(key)}:
            yield StepRef(kind=kind, key=key)
        case dict():
            yield from chain.from_iterable(map(_refs, recorded.values()))
        case list():
            yield from chain.from_iterable(map(_refs, recorded))


def kept_steps(store: Store) -> Iterator[KeptStep]:
    """By kind and key. No link is followed."""
    for kind in entries(store.steps):
        if not kind.name.startswith("."):
            for entry in entries(kind):
                yield KeptStep(kind.name, entry.name, entry)


def entries(folder: Path) -> list[Path]:
    """What stands in a folder; of a link to one, nothing."""
    return sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


def size_of(*places: Path) -> int:
    """Bytes of all files there. What has several names there counts once, and a link for nothing."""
    return sum({(file.st_dev, file.st_ino): file.st_size for file in _files(places)}.values())


def freed_with(places: Iterable[Path]) -> int:
    """Bytes that come free when all that is removed: files that have another name elsewhere, as a run's, stay."""
    names = Counter[tuple[int, int]]()
    files = {}
    for file in _files(places):
        names[file.st_dev, file.st_ino] += 1
        files[file.st_dev, file.st_ino] = file
    return sum(file.st_size for inode, file in files.items() if names[inode] >= file.st_nlink)


def _files(places: Iterable[Path]) -> Iterator[os.stat_result]:
    for place in places:
        if not place.is_dir() or place.is_symlink():
            paths: Iterable[Path] = [place]
        else:
            paths = (Path(folder, name) for folder, _, names in os.walk(place) for name in names)
        for path in paths:
            try:
                status = path.lstat()
            except FileNotFoundError:  # a run is at work here
                continue
            if stat.S_ISREG(status.st_mode):
                yield status
