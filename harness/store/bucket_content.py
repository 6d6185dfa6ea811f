"""Content of a bucket: its steps, its runs, and which of the steps no run needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.errors import UserError
from harness.store.known_runs import planned
from harness.store.objects import PACKED, Objects

PLAN_SUFFIX = ".json"


@dataclass(frozen=True)
class BucketStep:
    kind: str
    key: str
    name: str
    """Of its object."""
    bytes: int


@dataclass(frozen=True)
class BucketRun:
    """A run whose plan or folder is in the bucket."""

    name: str
    changed: float
    """Seconds since 1970."""
    bytes: int
    needs: frozenset[str] | None
    """Keys of the steps that it is made of, or would go on from; None where it does not say."""
    finished: bool


def bucket_steps(objects: Objects) -> list[BucketStep]:
    """By kind and key."""
    entries = sorted(objects.listed("steps").items())
    return [
        BucketStep(PurePosixPath(name).parent.name, PurePosixPath(name).stem, name, listed.bytes)
        for name, listed in entries
        if name.endswith(PACKED)
    ]


def bucket_runs(objects: Objects) -> list[BucketRun]:
    """Begun or finished, the latest last."""
    listed = objects.listed("runs")
    runs = []
    for name in {name.removesuffix(end) for name in listed for end in (PLAN_SUFFIX, PACKED) if name.endswith(end)}:
        parts = [listed[part] for end in (PLAN_SUFFIX, PACKED) if (part := name + end) in listed]
        needs, finished = _plan(objects, name)
        changed, size = max(part.changed for part in parts), sum(part.bytes for part in parts)
        runs.append(BucketRun(name.removeprefix("runs/"), changed, size, needs, finished))
    return sorted(runs, key=lambda run: (run.changed, run.name))


def unneeded(objects: Objects) -> tuple[list[BucketStep], int]:
    """The steps that no run needs, and how many there are that one needs.

    Raises:
        UserError: a run does not say what it needs.
    """
    steps = bucket_steps(objects)  # first, as in a folder
    needed: set[str] = set()
    for run in bucket_runs(objects):
        if run.needs is None:
            raise UserError(
                f"{objects.url}/runs/{run.name}{PLAN_SUFFIX}: does not say which steps the run needs; run its study "
                f"again, or remove all that is called runs/{run.name}.*"
            )
        needed |= run.needs
    unneeded_steps = [step for step in steps if step.key not in needed]
    return unneeded_steps, len(steps) - len(unneeded_steps)


def _plan(objects: Objects, name: str) -> tuple[frozenset[str] | None, bool]:
    try:
        keys, complete = planned(objects.read(name + PLAN_SUFFIX))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None, False
    return frozenset(keys), complete
