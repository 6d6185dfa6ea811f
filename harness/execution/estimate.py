"""About how long a study will take and how much disk it needs, going by steps like its own that a store holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.checkpoints.folder_check import weight_files
from harness.checkpoints.locate import source_folder
from harness.config.checkpoints import FolderCheckpoint, PackageCheckpoint
from harness.planning.plan import Plan, Until
from harness.steps import checkpoint
from harness.store.inventory import kept_steps, size_of
from harness.store.step import Step
from harness.store.steps import Store
from harness.store.typical import Typical

WEIGHTS = (
    *("checkpoint", "training", "masked_language_model"),
    *("artifact", "masked_language_model_artifact", "sentence_encoder_artifact"),
)
"""Kinds whose steps make a model's weights anew: as many bytes as its checkpoint has, or fewer."""


@dataclass(frozen=True)
class WorkEstimate:
    steps: int
    done: int
    known: int
    """Steps in the store that the estimate goes by."""
    seconds: float
    untimed: int
    """Steps to do like which none is known; they are not in ``seconds``."""
    bytes: int
    unsized: int
    """Likewise of ``bytes``."""

    @property
    def timed(self) -> int:
        return self.steps - self.done - self.untimed

    @property
    def sized(self) -> int:
        return self.steps - self.done - self.unsized


def usual_seconds(store: Store) -> tuple[Typical, int]:
    """How long steps took, and how many there are."""
    usual, known = Typical(), 0
    for kept in kept_steps(store):
        if kept.seconds is not None:
            usual.add(kept.kind, kept.subject, kept.seconds)
            known += 1
    return usual, known


def estimate(plan: Plan, store: Store, until: Until = "results") -> WorkEstimate:
    """Of what can be planned at the start. Data are not part of it: they have been read by then."""
    steps = [step for name, stage in plan.stages(until).items() if name != "examples" for step in stage]
    to_do = [step for step in steps if not store.holds(step.kind, step.key)]
    usual, known = usual_seconds(store)
    seconds = [usual.of(step.kind, step.subject) for step in to_do]
    sizes = _sizes(steps, to_do, store)
    return WorkEstimate(
        steps=len(steps),
        done=len(steps) - len(to_do),
        known=known,
        seconds=sum(each for each in seconds if each is not None),
        untimed=seconds.count(None),
        bytes=round(sum(each for each in sizes if each is not None)),
        unsized=sizes.count(None),
    )


def _sizes(steps: Sequence[Step], to_do: Sequence[Step], store: Store) -> list[float | None]:
    """Bytes of each step to do: as steps like it have, else as the weights that it is made of have."""
    usual = Typical()
    for kept in kept_steps(store):
        usual.add(kept.kind, kept.subject, size_of(kept.path))
    sizes: dict[str, float | None] = {}
    for step in steps:
        if store.holds(step.kind, step.key):
            sizes[step.key] = size_of(store.path(step.kind, step.key))
        else:
            sizes[step.key] = usual.of(step.kind, step.subject) or _of_weights(step, sizes)
    return [sizes[step.key] for step in to_do]


def _of_weights(step: Step, sizes: Mapping[str, float | None]) -> float | None:
    if step.kind not in WEIGHTS:
        return None
    if isinstance(step.options, checkpoint.Options):
        source = step.options.source
        if isinstance(source, FolderCheckpoint | PackageCheckpoint):
            return size_of(*weight_files(source_folder(source)))
    return next((size for ref in step.inputs.refs if (size := sizes.get(ref.key)) and ref.kind in WEIGHTS), None)
