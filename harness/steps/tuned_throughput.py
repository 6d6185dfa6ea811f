"""Measure the setting that a deployment's tuning chose, in turns with the study's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.performance.tuning import Pairs, Setting, in_turns
from harness.data.sampling import sample
from harness.examples.records import Example
from harness.inference.deployment import DeploymentRunner, open_deployment
from harness.steps.context import Context
from harness.steps.deployed import DeployedInputs, DeployedOptions, TimedOptions, deployment_options
from harness.steps.tuning_search import REFUSALS, evenly, read_tuning
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.record import Record, read_record
from harness.store.step import StepRef

VERSION = 2
LIBRARIES = ("tokenizers",)

FILE = "tuned.json"


class Options(DeployedOptions, TimedOptions):
    samples: int
    min_seconds: float
    replicate: int
    """Which of the fresh processes this is, from 0."""
    seed: int


class Inputs(DeployedInputs):
    examples: StepRef
    tuning: StepRef


class TunedPairs(Record):
    """Passes in the setting that the tuning chose and in the study's own, in turns."""

    setting: Setting
    """The one that was chosen."""
    default: Setting
    """The study's own."""
    samples: int
    """Examples a pass."""
    pairs: Pairs | None
    """Nanoseconds of the default and of the chosen one; None: they are the same, or could not be open at once."""
    reason: str
    """Why they could not; empty where they could."""


def run(context: Context[Options, Inputs]) -> None:
    examples = sample(
        read_examples(context.folder(context.inputs.examples)), context.options.samples, seed=context.options.seed
    )
    with open_deployment(context.folder(context.inputs.artifact), deployment_options(context)) as deployment:
        measurement = measure_tuned(deployment, context, examples)
    write_json(context.destination / FILE, measurement.model_dump())


def read_tuned_pairs(folder: Path) -> TunedPairs:
    """Raises UserError for a field that is missing, unknown or of another type."""
    return read_record(folder / FILE, TunedPairs)


def measure_tuned(
    default: DeploymentRunner, context: Context[Options, Inputs], examples: Sequence[Example]
) -> TunedPairs:
    """Both settings in turns, over as many examples as the search had: 5 pairs, more within ``min_seconds``."""
    tuning = read_tuning(context.folder(context.inputs.tuning))
    setting, examples = tuning.chosen, evenly(examples, tuning.samples)
    sessions = 1 if default.workers is None else len(default.workers)
    own = Setting(sessions, default.backend.threads, default.token_budget)
    unpaired = TunedPairs(setting=setting, default=own, samples=len(examples), pairs=None, reason="")
    if own == setting:
        return unpaired
    try:
        options = deployment_options(context).model_copy(update=asdict(setting))
        with open_deployment(context.folder(context.inputs.artifact), options) as tuned:
            pairs = in_turns(
                lambda: default.table(examples), lambda: tuned.table(examples), seconds=2 * context.options.min_seconds
            )
    except REFUSALS as error:
        return unpaired.model_copy(update={"reason": " ".join(str(error).split()) or type(error).__name__})
    return unpaired.model_copy(update={"pairs": pairs})
