"""The steps of a store: each a folder named by its key, made beside its place and renamed in when whole.

<store>/.steps/<kind>/<key>/step.json     what it is, what time and memory it took, and the SHA-256 of every other file
<store>/.steps/<kind>/<key>/...           what the step made
<store>/.steps/.unfinished/<key>/         a step being made; left by a kill or a failure, swept by the next run
<store>/.steps/.locks/<key>               held by whoever makes the step
<store>/.steps/.work/<key>/               what a long step keeps to resume from (training checkpoints)
<store>/.steps/.runs/<hash>               links to the runs' folders that lie elsewhere: what they need is kept
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path

from exporters.files import sha256
from harness.errors import UserError
from harness.store.atomic import remove, require_writable
from harness.store.leases import leased
from harness.store.locks import locked
from harness.store.objects import PACKED, Objects, objects_of
from harness.store.run_folder import PLAN
from harness.store.step import Step, key_of

VERSION = 1
SECONDS_BETWEEN_LOOKS = 0.5
"""At a step that another process makes."""


class Store:
    """A folder of steps and runs. Runs share it, and hold a lock on each step while they make it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.steps = root / ".steps"
        self.runs = self.steps / ".runs"
        self._verified: dict[str, bool] = {}

    @cached_property
    def objects(self) -> Objects | None:
        """The bucket that the folder is a cache of; what is only there is fetched when one asks whether it is here."""
        return objects_of(self.root)

    @property
    def name(self) -> str:
        """By which another machine reaches the store."""
        return str(self.root.absolute()) if self.objects is None else self.objects.url

    def check_place(self) -> None:
        """Raise `UserError` where the folder cannot be made, or written; `shared` makes it, but comes after reading."""
        require_writable(self.root, "give another --store")

    def check_readable(self) -> None:
        """Raise `UserError` where nothing can be read of the folder, be it that there is nothing."""
        try:
            if self.steps.is_dir():
                next(self.steps.iterdir(), None)
        except OSError as error:
            raise UserError(f"{self.root}: cannot be read ({error.strerror}); give another --store") from None

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Use the store beside other runs; what killed ones have left is swept.

        Raises:
            UserError: something is being removed from it, or the folder cannot be written.
        """
        with self._held(shared=True):
            for left in (self.steps / ".unfinished").glob("*"):
                self._sweep(left)
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Take the store from all runs, to remove something from it.

        Raises:
            UserError: a run uses it, or the folder cannot be written.
        """
        with self._held(shared=False):
            remove(self.steps / ".unfinished")
            remove(self.steps / ".locks")
            yield

    @contextmanager
    def making(self, step: Step, waiting: Callable[[], None] = lambda: None) -> Iterator[bool]:
        """Hold a step while it is made; ``waiting`` is called now and then while another process does.

        Yields whether it is still to be made: what another process has made meanwhile may be in use already.
        """
        with self._holding(step.key, waiting):
            self.forget(step.key)
            yield not self.has(step.kind, step.key)

    @contextmanager
    def _holding(self, key: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(locked(self._lock(key)))
                    break
                except BlockingIOError:
                    waiting()
                    time.sleep(SECONDS_BETWEEN_LOOKS)
            yield

    def _lock(self, key: str) -> Path:
        file = self.steps / ".locks" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    @contextmanager
    def _held(self, *, shared: bool) -> Iterator[None]:
        with ExitStack() as held:
            try:
                self.steps.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(self.root / ".lock", shared=shared))
            except BlockingIOError:
                raise UserError(
                    f"{self.root}: in use by another run; wait for it, or give this one another --store"
                ) from None
            except OSError as error:
                raise UserError(f"{self.root}: cannot be written ({error.strerror}); give another --store") from None
            if self.objects is not None:
                held.enter_context(leased(self.objects, shared=shared))
            yield

    def _sweep(self, left: Path) -> None:
        with suppress(BlockingIOError), locked(self._lock(left.stem)):  # of a step's folder, or of its object
            remove(left)

    def remember(self, run: Path) -> None:
        """Keep what a run needs whose folder does not lie in the store."""
        place = run.resolve()
        if place.parent != self.root.resolve():
            self.runs.mkdir(parents=True, exist_ok=True)
            link = self.runs / key_of(str(place))
            with suppress(FileExistsError):
                link.symlink_to(place)

    def path(self, kind: str, key: str) -> Path:
        return self.steps / kind / key

    def work(self, key: str) -> Path:
        """A folder that outlives a kill, for a step that can resume; gone when the step is whole."""
        folder = self.steps / ".work" / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def unfinished(self, key: str) -> Path:
        """Where a step is made. What one that failed has left there stays until the next run."""
        return self.steps / ".unfinished" / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the step is there and every byte of it is as it was written; a damaged one `begin` removes."""
        if key not in self._verified:
            self._verified[key] = _is_whole(self.path(kind, key)) or self._fetch(
                _object(kind, key), self.path(kind, key), _is_whole
            )
        return self._verified[key]

    def is_here(self, kind: str, key: str) -> bool:
        """Whether the step is in the folder, where it is fetched to; its files were read when it was made."""
        return self.path(kind, key).is_dir() or self.has(kind, key)

    def _fetch(self, name: str, place: Path, is_whole: Callable[[Path], bool]) -> bool:
        """Whether the bucket has what belongs in ``place``, which then is there; a damaged object is removed."""
        if self.objects is None:
            return False
        once = f"fetch-{key_of(name)}"
        with self._holding(once):
            if is_whole(place):  # another process has fetched it meanwhile
                return True
            made = self.unfinished(once)
            remove(made)
            try:
                if not self.objects.fetch(name, made):
                    return False
                if not is_whole(made):
                    self.objects.remove(name)
                    return False
                remove(place)
                place.parent.mkdir(parents=True, exist_ok=True)
                made.rename(place)
            finally:
                remove(made)
        return True

    def holds(self, kind: str, key: str) -> bool:
        """Whether the step is there, as far as can be told without reading its files."""
        if (self.path(kind, key) / "step.json").is_file():
            return True
        return self.objects is not None and self.objects.has(_object(kind, key))

    def begin(self, step: Step) -> Path:
        """An empty folder for the step's files. Its lock is held; what stands in its place is damaged and goes."""
        folder = self.unfinished(step.key)
        remove(folder)
        remove(self.path(step.kind, step.key))
        folder.mkdir(parents=True)
        return folder

    def commit(self, step: Step, folder: Path, *, seconds: float | None = None, peak_bytes: int | None = None) -> Path:
        """Seal what `begin` gave, and rename it to its place in one go. What a bucket has by now goes before it.

        ``seconds``: how long the step took. ``peak_bytes``: the peak of its process's memory, up to the step's end:
        steps that share a process share it, and where a step measures memory itself it is since then.
        """
        record = {
            "version": VERSION,
            "step": json.loads(step.to_json()),
            "seconds": seconds,
            "peak_bytes": peak_bytes,
            "files": {
                path.relative_to(folder).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            },
        }
        with (folder / "step.json").open("w") as file:
            json.dump(record, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        destination = self.path(step.kind, step.key)
        name = _object(step.kind, step.key)
        while self.objects is not None and not self.objects.keep(folder, name, folder.with_suffix(PACKED)):
            if self._fetch(name, destination, _is_whole):
                remove(folder)
                self._verified[step.key] = True
                return destination
        destination.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(destination)
        remove(self.steps / ".work" / step.key)
        self._verified[step.key] = True
        return destination

    def keep_plan(self, run: Path) -> None:
        """Tell the bucket which steps a run needs, wherever its folder lies, so that nobody removes them there."""
        if self.objects is not None:
            place = run.resolve()
            elsewhere = place.parent != self.root.resolve()
            name = f"{run.name}-{key_of([platform.node(), str(place)])[:8]}" if elsewhere else run.name
            self.objects.write(f"runs/{name}.json", (run / PLAN).read_text(encoding="utf-8"))

    def put_again(self, steps: Iterable[Step]) -> None:
        """Those that are here, but in the bucket no more: other machines will look for them there."""
        if self.objects is None:
            return
        there = self.objects.listed("steps")
        for step in steps:
            name, folder = _object(step.kind, step.key), self.path(step.kind, step.key)
            if name + PACKED not in there and folder.is_dir() and self.has(step.kind, step.key):
                self._keep(folder, name, step.key)

    def keep_run(self, run: Path) -> None:
        """Put a run's folder that lies in the store into its bucket, in place of what an earlier one has put there."""
        if self.objects is not None and run.parent == self.root:
            self._keep(run, f"runs/{run.name}", f"run-{key_of(run.name)}", replace=True)

    def _keep(self, folder: Path, name: str, lock: str, *, replace: bool = False) -> None:
        assert self.objects is not None
        with self._holding(lock):
            packed = self.unfinished(lock)
            packed.parent.mkdir(exist_ok=True)
            self.objects.keep(folder, name, packed, replace=replace)

    def fetch_runs(self) -> None:
        """The runs of others who share the bucket; those that are here stay as they are."""
        if self.objects is not None:
            for name in self.objects.runs():
                self._fetch(f"runs/{name}", self.root / name, Path.is_dir)

    def forget(self, key: str) -> None:
        """Look at the step's folder again the next time: another process may have made it."""
        self._verified.pop(key, None)


def _object(kind: str, key: str) -> str:
    return f"steps/{kind}/{key}"


def _is_whole(folder: Path) -> bool:
    if folder.is_symlink():
        return False
    try:
        record = json.loads((folder / "step.json").read_text())
        files = record["files"]
        return record["version"] == VERSION and all(
            (folder / name).stat().st_size == facts["bytes"] and sha256(folder / name) == facts["sha256"]
            for name, facts in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
