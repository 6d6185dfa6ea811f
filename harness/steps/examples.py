"""Read a data set: its examples, checked and sampled. A run does it itself, before all other steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from harness.config.data import TrainingSource
from harness.config.names import TaskName
from harness.config.strict import Strict
from harness.data.load import load_examples
from harness.examples.records import Example
from harness.steps.context import Context
from harness.store.examples import write_examples
from harness.store.step import LOCATION, StepInputs

VERSION = 1
LIBRARIES = ()


class Options(Strict):
    task: TaskName
    labels: tuple[str, ...] | None
    role: str
    source: Annotated[TrainingSource, LOCATION]
    """Where the data is; what counts of it is below."""
    settings: dict[str, Any] | tuple[dict[str, Any], ...]
    """The source, or each of several, without the paths of its files."""
    suffixes: tuple[str, ...]
    """Of the files, whose format they tell."""
    sha256: tuple[str, ...]
    """Of the files."""
    seed: int


class Inputs(StepInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    write_examples(context.destination, load(context.options))


def load(options: Options) -> Sequence[Example]:
    """The examples.

    Raises:
        UserError: the data cannot be read, or holds something wrong.
    """
    return load_examples(options.source, task=options.task, labels=options.labels, role=options.role, seed=options.seed)
