"""About how long a study will take and how much disk it needs, going by steps like its own that a store holds."""

from __future__ import annotations

from collections.abc import Iterable
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


class Weights:
    """Bytes of the models that steps are about; None: of none, or not known yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bytes: dict[str, float] = {}
        """Of what was measured, or is expected, by the key of the step that makes it."""

    def of(self, step: Step) -> float | None:
        return _source_bytes(step) or self._largest(step.inputs.refs)

    def of_kept(self, kept: KeptStep) -> float | None:
        return self._largest(kept.refs) or self._largest([StepRef(kind=kept.kind, key=kept.key)])

    def expect(self, step: Step, size: float | None) -> None:
        """A step to do will take so much."""
        if size is not None:
            self._bytes[step.key] = size

    def _largest(self, refs: Iterable[StepRef]) -> float | None:
        return max(filter(None, (self._made_by(ref) for ref in refs if ref.kind in WEIGHTS)), default=None)

    def _made_by(self, ref: StepRef) -> float | None:
        if ref.key not in self._bytes and (size := size_of(self._store.path(ref.kind, ref.key))):
            self._bytes[ref.key] = size
        return self._bytes.get(ref.key)


def usual_seconds(store: Store, weights: Weights) -> tuple[Typical, int]:
    """How long steps took, and how many there are."""
    usual, known = Typical(), 0
    for kept in kept_steps(store):
        if kept.seconds is not None:
            usual.add(kept.kind, kept.subject, kept.seconds, weights.of_kept(kept))
            known += 1
    return usual, known


def estimate(plan: Plan, store: Store, until: Until = "results") -> WorkEstimate:
    """Of what can be planned at the start. Data are not part of it: they have been read by then."""
    steps = [step for name, stage in plan.stages(until).items() if name != "examples" for step in stage]
    to_do = [step for step in steps if not store.holds(step.kind, step.key)]
    weights = Weights(store)
    usual, known = usual_seconds(store, weights)
    usual_size = Typical()
    for kept in kept_steps(store):
        usual_size.add(kept.kind, kept.subject, size_of(kept.path), weights.of_kept(kept))
    seconds: list[float | None] = []
    sizes: list[float | None] = []
    for step in to_do:
        model = weights.of(step)
        size = usual_size.of(step.kind, step.subject, model)
        if size is None and step.kind in WEIGHTS:
            size = model
        weights.expect(step, size)
        seconds.append(usual.of(step.kind, step.subject, model))
        sizes.append(size)
    return WorkEstimate(
        steps=len(steps),
        done=len(steps) - len(to_do),
        known=known,
        seconds=sum(each for each in seconds if each is not None),
        untimed=seconds.count(None),
        bytes=round(sum(each for each in sizes if each is not None)),
        unsized=sizes.count(None),
    )


def _source_bytes(step: Step) -> float | None:
    if isinstance(step.options, checkpoint.Options):
        source = step.options.source
        if isinstance(source, FolderCheckpoint | PackageCheckpoint):
            return size_of(*weight_files(source_folder(source)))
    return None
