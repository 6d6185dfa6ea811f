"""Wrap a live deployment for an attack: its texts become the examples that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainSerializer

from benchmarks.attack.examples import Examples
from benchmarks.attack.results import AttackSettings
from benchmarks.attack.transfer import Ask
from harness.config.characteristics import Target
from harness.config.strict import Strict
from harness.data.sampling import sample
from harness.inference.remote_deployment import Predict, RemoteDeployment, remote_deployment
from harness.steps.context import Context
from harness.steps.deployed import DeployedInputs, DeployedOptions, deployment_options
from harness.store.examples import read_examples
from harness.store.step import StepRef
from harness.tasks.attacked import Attacked


def _as_json(settings: AttackSettings) -> dict[str, Any]:
    return {**asdict(settings), "stop_words": sorted(settings.stop_words)}


Settings = Annotated[AttackSettings, PlainSerializer(_as_json)]


class AttackedOptions(Strict):
    """The texts that are attacked."""

    target: Target
    sample: int
    seed: int


class AttackedInputs(DeployedInputs):
    corpus: StepRef | None = None
    """The deployment's own outputs on the documents that the examples look for."""


def attacked_deployment(context: Context[DeployedOptions, AttackedInputs]) -> AbstractContextManager[RemoteDeployment]:
    """The step's deployment, in a process of its own."""
    inputs = context.inputs
    corpus = None if inputs.corpus is None else context.folder(inputs.corpus)
    return remote_deployment(context.folder(inputs.artifact), deployment_options(context), corpus)


def attacked_examples(folder: Path, options: AttackedOptions) -> list[Attacked]:
    """Drawn from the examples in ``folder``."""
    drawn = sample(read_examples(folder), options.sample, seed=options.seed)
    return [Attacked(example, options.target) for example in drawn]


def wrapped(predict: Predict, attacked: Sequence[Attacked]) -> Ask:
    """(id, text) to what ``predict`` says about the example with that text in the place of its own."""
    by_id = {one.id: one for one in attacked}
    return lambda texts: predict([by_id[id_].with_text(text) for id_, text in texts])


def wrapped_examples(predict: Predict, attacked: Sequence[Attacked]) -> Examples:
    return Examples(wrapped(predict, attacked), {one.id: one.left_alone for one in attacked})
