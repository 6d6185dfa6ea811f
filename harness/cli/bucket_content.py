"""Work of the commands of `store` on a bucket, and what they say of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.filesize import decimal

from harness.cli.store_content import RunRow, tell_kinds, tell_removal, tell_runs
from harness.errors import UserError
from harness.report.findings.phrases import plural
from harness.report.printable import say
from harness.store.bucket_content import BucketRun, BucketStep, bucket_runs, bucket_steps, unneeded
from harness.store.inventory import size_of
from harness.store.objects import Objects
from harness.store.steps import Store


def list_content(objects: Objects) -> None:
    steps, runs = _existing(objects)
    tell_kinds(steps, _size)
    tell_runs([RunRow(run.name, run.changed, run.bytes, run.finished) for run in runs], _size(steps) + _size(runs))


def tell_size(objects: Objects, cache: Path) -> None:
    steps, runs = _existing(objects)
    for what, taken in (("steps", _size(steps)), ("runs", _size(runs)), ("together", _size(steps) + _size(runs))):
        say(f"{what:<32} {decimal(taken):>10}")
    say(f"{'cache on this machine':<32} {decimal(size_of(cache)):>10}  ({cache})")
    say(f"{'free beside it':<32} {decimal(shutil.disk_usage(cache).free):>10}")


def prune_bucket(cache: Path, objects: Objects, *, remove: bool) -> None:
    """What caches have of it stays there: a run puts back what it needs of that."""
    _existing(objects)
    if not remove:
        if _tell(objects, "would remove"):
            say("nothing was removed; `scalemodel store prune --yes` does it", error=True)
        return
    with Store(cache).alone():
        steps = _tell(objects, "removing")
        objects.delete(step.name for step in steps)
    say(f"freed {decimal(_size(steps))}" if steps else "nothing to remove: the runs need every step", error=True)


def _tell(objects: Objects, doing: str) -> list[BucketStep]:
    steps, needed = unneeded(objects)
    tell_removal(steps, _size, doing)
    say(f"that frees {decimal(_size(steps))}; the runs need {plural(needed, 'step')}")
    return steps


def _size(objects: Sequence[BucketStep] | Sequence[BucketRun]) -> int:
    return sum(each.bytes for each in objects)


def _existing(objects: Objects) -> tuple[list[BucketStep], list[BucketRun]]:
    steps, runs = bucket_steps(objects), bucket_runs(objects)
    if not steps and not runs:
        raise UserError(f"{objects.url}: is no store (it has no steps); give another --store")
    return steps, runs
