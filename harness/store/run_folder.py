"""One folder a run: everything that its report needs, readable without the store.

config.json         the study, with every default filled in
plan.json           its steps and their keys
environment.json    machine and versions
manifests/          one artifact each
examples/           <task>/evaluation.parquet
outputs/            <task>/<deployment>/<role>.parquet
results.json        what was found; nothing in it depends on the clock
performance.json    latencies, throughput, memory
log.txt             what the steps printed
.lock               held by the run at work
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from harness.config.study import Study
from harness.errors import UserError
from harness.store.atomic import write_json
from harness.store.locks import holder, locked
from harness.store.step import key_of

VERSION = 1
CONFIG, PLAN, RESULTS, LOCK = "config.json", "plan.json", "results.json", ".lock"


def outputs_in(folder: Path, task: str, deployment: str, role: str) -> Path:
    """What a deployment said about a data set, in a run's folder."""
    return folder / "outputs" / task / deployment.replace("/", "--") / f"{role}.parquet"


def examples_in(folder: Path, task: str, role: str) -> Path:
    """The examples of a data set, in a run's folder."""
    return folder / "examples" / task / f"{role}.parquet"


class RunFolder:
    """The folder of one run of one study."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, study: Study, store: Path, output: Path | None = None) -> RunFolder:
        """The study's folder: ``output``, or one in the store named after the study and its content.

        Raises:
            UserError: the folder holds something else than a run of this very study.
        """
        config = study.model_dump(mode="json")
        folder = output or store / f"{study.study}-{key_of(config)[:8]}"
        try:
            if folder.exists() and not folder.is_dir():
                raise UserError(f"{folder}: is a file; name a folder for the run")
        except OSError as error:
            raise UserError(f"{folder}: cannot be a folder ({error.strerror}); name another") from None
        # One that the store named after this very study is its own, whatever of it was removed.
        begun = output is None and not (folder / CONFIG).exists()
        if folder.is_dir() and any(folder.iterdir()) and not begun:
            recorded = _read_config(folder)
            if recorded.get("version") != VERSION:
                raise UserError(
                    f"{folder}: a run in format {recorded.get('version')!r}, this is format {VERSION}; "
                    "name another folder"
                )
            if recorded.get("study") != json.loads(json.dumps(config)):
                raise UserError(
                    f"{folder}: holds a run of another config ({recorded['study'].get('study')!r}); name another folder"
                )
        return cls(folder)

    @contextmanager
    def opened(self, study: Study) -> Iterator[None]:
        """Make the folder, say in it which study this is, and hold it.

        Raises:
            UserError: another run is at work in the folder, or it cannot be written.
        """
        with ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                write_json(self.path / CONFIG, {"version": VERSION, "study": study.model_dump(mode="json")})
                held.enter_context(locked(self.path / LOCK))
            except BlockingIOError:
                raise UserError(
                    f"{self.path}: in use by another run{holder(self.path / LOCK)}; wait for it, or give this one "
                    "another --output"
                ) from None
            except OSError as error:
                raise UserError(f"{self.path}: cannot be written ({error.strerror}); name another folder") from None
            yield

    def write(self, name: str, value: Any) -> None:
        write_json(self.path / name, value)

    def take(self, source: Path, name: str) -> None:
        """A file of the store under a name of the run: a hard link where the file system has them."""
        destination = self.path / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.exists() and destination.samefile(source):
            return
        destination.unlink(missing_ok=True)
        try:
            os.link(source, destination)
        except OSError:
            shutil.copyfile(source, destination)


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        recorded = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if isinstance(recorded, dict):
            return recorded
    except FileNotFoundError:
        raise UserError(f"{folder}: is not empty and is not a run (no config.json); name another folder") from None
    except (OSError, ValueError):
        pass
    raise UserError(f"{folder}/config.json: cannot be read as a run's config; name another folder")
