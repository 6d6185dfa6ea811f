"""Work of the commands of `store`, and what they say of it."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from rich.filesize import decimal

from harness.errors import UserError
from harness.report.findings.phrases import plural
from harness.report.printable import say
from harness.store.bucket_content import BucketStep
from harness.store.inventory import KeptStep, freed_with, kept_steps, size_of
from harness.store.known_runs import known_runs
from harness.store.prune import Superfluous, prune, superfluous
from harness.store.steps import Store

S = TypeVar("S", KeptStep, BucketStep)


@dataclass(frozen=True)
class RunRow:
    """A run, in a list."""

    name: str
    changed: float
    """Seconds since 1970."""
    bytes: int
    finished: bool


def list_content(root: Path) -> None:
    store = _existing(root)
    kept, runs = list(kept_steps(store)), known_runs(store)
    tell_kinds(kept, _size)
    together = size_of(*(step.path for step in kept), *(run.path for run in runs))
    rows = [RunRow(str(run.path), run.changed, size_of(run.path), run.finished) for run in runs]
    tell_runs(rows, together, "  (what they share is there once)")


def tell_kinds(kept: Sequence[S], size: Callable[[Sequence[S]], int]) -> None:
    say(f"{'kind of step':<32} {'steps':>6} {'size':>10}")
    for kind, steps in _by_kind(kept).items():
        say(f"{kind:<32} {len(steps):>6,} {decimal(size(steps)):>10}")
    say(f"{'all':<32} {len(kept):>6,} {decimal(size(kept)):>10}")


def tell_runs(rows: Sequence[RunRow], together: int, remark: str = "") -> None:
    width = max([7, *(len(row.name) for row in rows)])
    say(f"\n{'run':<{width}} {'last changed':<16} {'size':>10}  state")
    for row in rows:
        changed = datetime.fromtimestamp(row.changed).strftime("%Y-%m-%d %H:%M")
        state = "finished" if row.finished else "not finished"
        say(f"{row.name:<{width}} {changed} {decimal(row.bytes):>10}  {state}")
    say(f"{'together, with the steps':<{width + 17}} {decimal(together):>10}{remark}")


def tell_size(root: Path) -> None:
    store = _existing(root)
    steps = [step.path for step in kept_steps(store)]
    unfinished = [store.steps / name for name in (".unfinished", ".work")]
    runs = [run.path for run in known_runs(store) if run.path.parent == store.root]
    for what, places in (("steps", steps), ("unfinished steps", unfinished), ("runs", runs)):
        say(f"{what:<32} {decimal(size_of(*places)):>10}")
    together = size_of(*steps, *unfinished, *runs)
    say(f"{'together':<32} {decimal(together):>10}  (what runs share with steps is there once)")
    say(f"{'free':<32} {decimal(shutil.disk_usage(root).free):>10}")


def prune_store(root: Path, *, remove: bool) -> None:
    store = _existing(root)
    if not remove:
        surplus = superfluous(store)
        _tell(surplus, "would remove")
        if surplus.places:
            say("nothing was removed; `scalemodel store prune --yes` does it", error=True)
        return
    with store.alone():
        surplus = superfluous(store)
        freed = _tell(surplus, "removing")
        prune(store, surplus)
    say(f"freed {freed}" if surplus.places else "nothing to remove: the runs need every step", error=True)


def _tell(surplus: Superfluous, doing: str) -> str:
    tell_removal(surplus.steps, _size, doing)
    if surplus.left:
        say(f"{doing} what {plural(len(surplus.left), 'unfinished step')} left, {decimal(size_of(*surplus.left))}")
    freed = decimal(freed_with(surplus.places))
    say(f"that frees {freed}; the runs need {plural(surplus.needed, 'step')}")
    return freed


def tell_removal(surplus_steps: Sequence[S], size: Callable[[Sequence[S]], int], doing: str) -> None:
    for kind, steps in _by_kind(surplus_steps).items():
        say(f"{doing} {plural(len(steps), 'step')} of {kind}, {decimal(size(steps))}")


def _size(steps: Sequence[KeptStep]) -> int:
    return size_of(*(step.path for step in steps))


def _by_kind(steps: Sequence[S]) -> dict[str, list[S]]:
    kinds: defaultdict[str, list[S]] = defaultdict(list)
    for step in steps:
        kinds[step.kind].append(step)
    return kinds


def _existing(root: Path) -> Store:
    store = Store(root)
    store.check_readable()
    if store.steps.is_symlink():
        raise UserError(f"{store.steps}: is a link; name the store that it leads to")
    if not store.steps.is_dir():
        raise UserError(f"{root}: is no store (it has no .steps); give another --store")
    return store
