"""Removal of the steps that no run needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.store.atomic import remove
from harness.store.inventory import KeptStep, entries, kept_steps
from harness.store.known_runs import known_runs
from harness.store.steps import Store


@dataclass(frozen=True)
class Superfluous:
    steps: list[KeptStep]
    left: list[Path]
    """What steps that no run will go on with have left to resume from."""
    needed: int
    """How many steps there are that a run needs."""

    @property
    def places(self) -> list[Path]:
        return [*(step.path for step in self.steps), *self.left]


def superfluous(store: Store) -> Superfluous:
    """What no run that the store knows needs. Only reads.

    Raises:
        UserError: a run does not say what it needs.
    """
    # First the steps: whatever a run at work makes meanwhile is not among them.
    steps = list(kept_steps(store))
    left = entries(store.steps / ".work")
    needed = {key for run in known_runs(store) for key in run.needs()}
    unneeded = [step for step in steps if step.key not in needed]
    return Superfluous(unneeded, [path for path in left if path.name not in needed], len(steps) - len(unneeded))


def prune(store: Store, surplus: Superfluous) -> None:
    """Remove it; the store is held alone.

    A kill leaves no step in part: each is first renamed to where the next run sweeps what is not finished.
    """
    for place in surplus.places:
        aside = store.unfinished(place.name)
        aside.parent.mkdir(exist_ok=True)
        remove(aside)
        place.rename(aside)
        remove(aside)
