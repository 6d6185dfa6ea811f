"""Options, inputs and files that the comparisons share: a characteristic each, over what earlier steps have kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from harness.arrow import pa
from harness.config.names import TaskName
from harness.config.strict import Strict
from harness.steps.context import Context
from harness.store.atomic import write_json
from harness.store.outputs import read_outputs
from harness.store.step import StepInputs, StepRef

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

    @property
    def reference(self) -> str:
        return self.deployments[0]

    @property
    def answering(self) -> bool:
        return self.task == "question-answering"


class FlooredOptions(ComparisonOptions):
    """Of a comparison that holds differences against floors."""

    floors: dict[str, tuple[tuple[str, str], ...]]
    """By deployment that may be judged, the pairs that make its floor."""
    overlap_margin: float

    def as_arguments(self) -> dict[str, Any]:
        """What every characteristic that is held against floors takes alike."""
        return {
            "reference": self.reference,
            "floors": {name: list(pairs) for name, pairs in self.floors.items()},
            "resamples": self.resamples,
            "seed": self.seed,
            "overlap_margin": self.overlap_margin,
        }


class EvaluationInputs(StepInputs):
    evaluation: dict[str, StepRef]
    """By deployment, its outputs on the evaluation data."""


def tables(
    context: AnyContext, options: ComparisonOptions, outputs: Mapping[str, StepRef], *columns: str
) -> dict[str, pa.Table]:
    """By deployment, in order: some columns of its outputs."""
    return {name: read_outputs(context.folder(outputs[name]), *columns) for name in options.deployments}


def write_comparison(context: AnyContext, result: DataclassInstance) -> None:
    write_json(context.destination / FILE, asdict(result))
