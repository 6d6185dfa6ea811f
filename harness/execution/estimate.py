"""About how long a study will take and how much disk it needs, going by steps like its own that a store holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.checkpoints.folder_check import weight_files
from harness.checkpoints.locate import source_folder
from harness.config.checkpoints import FolderCheckpoint, PackageCheckpoint
from harness.planning.plan import Plan, Until
from harness.steps import checkpoint
from harness.store.inventory import KeptStep, kept_steps, size_of
from harness.store.step import Step, StepRef
from harness.store.steps import Store
from harness.store.typical import Typical

WEIGHTS = (
    *("checkpoint", "training", "masked_language_model"),
    *("artifact", "masked_language_model_artifact", "sentence_encoder_artifact"),
)
"""Kinds whose steps make a model's weights anew: as many bytes as what they make it of, or fewer."""


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
            usual.add(kept.kind, kept.subject, kept.seconds, _kept_weights(kept, store))
            known += 1
    return usual, known


def estimate(plan: Plan, store: Store, until: Until = "results") -> WorkEstimate:
    """Of what can be planned at the start. Data are not part of it: they have been read by then."""
    steps = [step for name, stage in plan.stages(until).items() if name != "examples" for step in stage]
    usual, known = usual_seconds(store)
    usual_size = _usual_sizes(store)
    sizes: dict[str, float | None] = {}
    seconds: dict[str, float | None] = {}
    for step in steps:
        if store.holds(step.kind, step.key):
            sizes[step.key] = size_of(store.path(step.kind, step.key))
            continue
        weights = _source_bytes(step) or _largest(step.inputs.refs, lambda ref: sizes.get(ref.key))
        seconds[step.key] = usual.of(step.kind, step.subject, weights)
        size = usual_size.of(step.kind, step.subject, weights)
        sizes[step.key] = weights if size is None and step.kind in WEIGHTS else size
    times, room = list(seconds.values()), [sizes[key] for key in seconds]
    return WorkEstimate(
        steps=len(steps),
        done=len(steps) - len(seconds),
        known=known,
        seconds=sum(each for each in times if each is not None),
        untimed=times.count(None),
        bytes=round(sum(each for each in room if each is not None)),
        unsized=room.count(None),
    )


def weights_of(step: Step, store: Store) -> float | None:
    """Bytes of the model that a step is about, as its source or the store has it; None: of none, or not known yet."""
    return _source_bytes(step) or _largest(step.inputs.refs, lambda ref: size_of(store.path(ref.kind, ref.key)))


def _usual_sizes(store: Store) -> Typical:
    usual = Typical()
    for kept in kept_steps(store):
        usual.add(kept.kind, kept.subject, size_of(kept.path), _kept_weights(kept, store))
    return usual


def _kept_weights(kept: KeptStep, store: Store) -> float | None:
    read = _largest(kept.refs, lambda ref: size_of(store.path(ref.kind, ref.key)))
    return read or (size_of(kept.path) if kept.kind in WEIGHTS else None)


def _source_bytes(step: Step) -> float | None:
    if isinstance(step.options, checkpoint.Options):
        source = step.options.source
        if isinstance(source, FolderCheckpoint | PackageCheckpoint):
            return size_of(*weight_files(source_folder(source)))
    return None


def _largest(refs: Iterable[StepRef], size: Callable[[StepRef], float | None]) -> float | None:
    return max((of_one for ref in refs if ref.kind in WEIGHTS and (of_one := size(ref))), default=None)
