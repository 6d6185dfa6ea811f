"""The runs that a store knows, in it and elsewhere, and the steps that each of them needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.store.inventory import entries
from harness.store.run_folder import CONFIG, PLAN, RESULTS
from harness.store.steps import Store


@dataclass(frozen=True)
class KnownRun:
    path: Path

    @property
    def finished(self) -> bool:
        return (self.path / RESULTS).is_file()

    @property
    def changed(self) -> float:
        """When its results were written, or else when it was begun; seconds since 1970."""
        files = (self.path / name for name in (RESULTS, PLAN, CONFIG))
        return next(file.stat().st_mtime for file in files if file.is_file())

    def needs(self) -> set[str]:
        """Keys of the steps that it is made of, or would go on from.

        Which comparisons there are shows only at the end of a run. Until its plan has them, whatever it ever did
        counts, which may be more than it needs now.

        Raises:
            UserError: it does not say.
        """
        try:
            keys, complete = planned((self.path / PLAN).read_text(encoding="utf-8"))
            if not complete:
                keys |= {_read(file)["key"] for file in (self.path / "steps").glob("*.json")}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{self.path / PLAN}: does not say which steps the run needs; run its study again, or remove its folder"
            ) from None
        return keys


def planned(plan: str) -> tuple[set[str], bool]:
    """The keys of a plan, and whether it has the steps that are planned last, the comparisons.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is no plan.
    """
    stages = json.loads(plan)["stages"]
    return {step["key"] for steps in stages.values() for step in steps}, "comparisons" in stages


def known_runs(store: Store) -> list[KnownRun]:
    """Begun or finished, the latest last.

    Raises:
        UserError: the folder of one that lies elsewhere cannot be reached, so that nobody knows what it needs.
    """
    here = [folder for folder in store.root.iterdir() if _is_run(folder)]
    runs = map(KnownRun, (*here, *_elsewhere(store)))
    return sorted(runs, key=lambda run: run.changed)


def _is_run(folder: Path) -> bool:
    """Whether a run has been begun in the folder; a checkpoint has a config.json as well."""
    if any((folder / name).is_file() for name in (RESULTS, PLAN)):
        return True
    try:
        return "study" in _read(folder / CONFIG)
    except (OSError, ValueError, TypeError):
        return False


def _elsewhere(store: Store) -> Iterator[Path]:
    for link in entries(store.runs):
        folder = link.readlink()
        if _is_run(folder):
            yield folder
        elif not folder.parent.is_dir():  # a disk that is not there, say; a folder that was removed is no run any more
            raise UserError(
                f"{folder}: the folder of a run that uses this store cannot be reached; bring it back, or remove {link}"
            )


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
