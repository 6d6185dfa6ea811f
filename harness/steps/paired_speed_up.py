"""Time a deployment and the reference in pairs, each in a fresh process: how many times as fast is it?

The two processes are the only ones with a deployment in it, and take turns. The one that does this step opens none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backends.batching import pad
from benchmarks.performance.paired import Burst, PairOfBursts, in_pairs
from exporters.manifest import read_manifest
from harness.data.sampling import sample
from harness.examples.records import Example
from harness.inference.options import DeploymentOptions
from harness.inference.timed_bursts import Request, timed_bursts
from harness.steps.context import Context
from harness.steps.deployed import DeployedInputs, DeployedOptions, TimedOptions, deployment_options, with_negatives
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.step import StepRef
from harness.tasks.fast_tokenizer import read_tokenizer

VERSION = 2
LIBRARIES = ("tokenizers",)

FILE = "pairs.json"


class Options(DeployedOptions, TimedOptions):
    reference: DeploymentOptions
    samples: int
    min_seconds: float
    """Of the bursts of both."""
    replicate: int
    """Which pair of fresh processes this is, from 0."""
    seed: int


class Inputs(DeployedInputs):
    reference: StepRef
    """Its artifact."""
    examples: StepRef


@dataclass(frozen=True)
class Side:
    """One of the two deployments, and what it is asked."""

    artifact: Path
    options: DeploymentOptions
    requests: Sequence[Request]
    """What the model reads of each example, as in single-stream."""
    lengths: Sequence[int]
    """Of the requests, in tokens."""

    @classmethod
    def of(cls, artifact: Path, options: DeploymentOptions, examples: Sequence[Example]) -> Side:
        features = options.task.open().encode(read_tokenizer(artifact), examples)
        windows = np.split(np.arange(len(features)), features.first[1:])
        pad_token = read_manifest(artifact).pad_token
        requests = [pad(features.inputs, own, pad_token=pad_token) for own in windows]
        return cls(artifact, options, requests, [int(features.lengths[own].sum()) for own in windows])

    def timed(self) -> AbstractContextManager[Burst]:
        return timed_bursts(self.artifact, self.options, self.requests)


def run(context: Context[Options, Inputs]) -> None:
    options, inputs = context.options, context.inputs
    examples = sample(read_examples(context.folder(inputs.examples)), options.samples, seed=options.seed)
    of_reference = with_negatives(context, options.reference, inputs.evaluation)
    pairs = time_pairs(
        Side.of(context.folder(inputs.reference), of_reference, examples),
        Side.of(context.folder(inputs.artifact), deployment_options(context), examples),
        number=options.replicate,
        seconds=options.min_seconds,
        seed=options.seed,
        progress=lambda fraction: context.progress("pairs of bursts", fraction),
    )
    write_json(context.destination / FILE, [asdict(pair) for pair in pairs])


def time_pairs(
    reference: Side,
    candidate: Side,
    *,
    number: int,
    seconds: float,
    seed: int,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[PairOfBursts]:
    """Time both in fresh processes; of every other ``number``, the candidate's is started first."""
    first, second = (candidate, reference) if number % 2 else (reference, candidate)
    with first.timed() as one, second.timed() as other:
        own, beside = (other, one) if number % 2 else (one, other)
        return in_pairs(own, beside, reference.lengths, seconds=seconds, seed=seed + number, progress=progress)


def read_pairs(folder: Path) -> list[PairOfBursts]:
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return list(map(pair_of, recorded))


def pair_of(recorded: dict[str, Any]) -> PairOfBursts:
    """What `asdict` and JSON made of one."""
    return PairOfBursts(**{name: _whole(value) for name, value in recorded.items()})


def _whole(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
