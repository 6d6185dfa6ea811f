"""Options, inputs and files that the comparisons share: a characteristic each, over what earlier steps have kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from benchmarks.statistics.equivalence import Floor
from harness.config.names import TaskName
from harness.config.strict import Strict
from harness.config.task_registry import task_class
from harness.config.tasks import TaskSettings
from harness.data.arrow import pa
from harness.steps.context import Context
from harness.store.atomic import write_json
from harness.store.outputs import read_outputs
from harness.store.step import StepInputs, StepRef
from harness.tasks.task import Task

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LIBRARIES = ("numpy", "scipy", "faiss-cpu")
"""Of every comparison."""

FILE = "comparison.json"

AnyContext = Context[BaseModel, StepInputs]


class ComparisonOptions(Strict):
    task: TaskName
    deployments: tuple[str, ...]
    """By name, execution replicates among them; the reference is the first."""
    resamples: int
    seed: int

    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        """Whether it is made for a task that has its inputs, and does not leave it out."""
        return True

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any] | None:
        """The fields that a comparison has beside those of all comparisons, as the study sets them; None: it has none
        made."""
        return {}

    @property
    def reference(self) -> str:
        return self.deployments[0]

    @property
    def task_type(self) -> type[Task]:
        """The task itself: what its columns are, and how they are read."""
        return task_class(self.task)


class FlooredOptions(ComparisonOptions):
    """Of a comparison that holds differences against floors."""

    floors: dict[str, Floor]
    """By deployment that may be judged."""
    overlap_margin: float

    def as_arguments(self) -> dict[str, Any]:
        """What every characteristic that is held against floors takes alike."""
        return {
            "reference": self.reference,
            "floors": self.floors,
            "resamples": self.resamples,
            "seed": self.seed,
            "overlap_margin": self.overlap_margin,
        }


class MarginOptions(FlooredOptions):
    """Of one that also says whether a score is the same."""

    margin: float

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any]:
        return {"margin": task.characteristics.margin}

    def as_arguments(self) -> dict[str, Any]:
        return {**super().as_arguments(), "margin": self.margin}


class EvaluationInputs(StepInputs):
    """Outputs: further fields are named after the data set that they are on.

    Planned without more ado: where all are there, the comparison is made. ``examples``, a `StepRef`, are the
    evaluation data themselves.
    """

    needs_representation: ClassVar[bool] = False

    evaluation: dict[str, StepRef]
    """By deployment, its outputs on the evaluation data."""


def tables(
    context: AnyContext, options: ComparisonOptions, outputs: Mapping[str, StepRef], *columns: str
) -> dict[str, pa.Table]:
    """By deployment, in order: some columns of its outputs."""
    return {name: read_outputs(context.folder(outputs[name]), *columns) for name in options.deployments}


def write_comparison(context: AnyContext, result: DataclassInstance) -> None:
    write_json(context.destination / FILE, asdict(result))
