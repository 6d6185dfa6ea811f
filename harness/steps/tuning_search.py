"""Find the sessions, threads and token budget with which a deployment is fastest on this machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Literal

from backends.errors import BackendError
from backends.host.machine import usable_memory
from backends.registry import backend_class
from benchmarks.performance.tuning import Pairs, Setting, Trial, splits, tune
from harness.data.sampling import sample
from harness.examples.records import Example
from harness.inference.deployment import open_deployment
from harness.inference.options import DeploymentOptions
from harness.steps.context import Context
from harness.steps.deployed import DeployedInputs, DeployedOptions, TimedOptions, deployment_options
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.record import Record, read_record
from harness.store.step import StepRef

VERSION = 3
LIBRARIES = ("tokenizers",)

FILE = "tuning.json"
FILE_VERSION: Literal[1] = 1

SECONDS = 15.0
"""Of search; the last comparison may take as long again."""
PASS_SECONDS = 0.5
"""A pass over fewer examples than these take says little."""
FEWEST = 16
REFUSALS = (BackendError, MemoryError)
"""What a setting may raise without the search, or the measurement, failing with it."""
COPIES = 2
"""Of an artifact's bytes, in memory for every session that holds its own weights: the file's, and the runtime's."""
MEMORY = 0.5
"""Of the memory that this process may use, that sessions may take together."""


class Options(DeployedOptions, TimedOptions):
    samples: int
    """Examples that the search has."""
    seed: int


class Inputs(DeployedInputs):
    examples: StepRef


class TuningRecord(Record):
    """A `benchmarks.performance.tuning.Tuning`, and of how many examples."""

    version: Literal[1]
    samples: int
    """Examples of a pass."""
    default: Setting
    chosen: Setting
    trials: tuple[Trial, ...]
    pairs: Pairs
    refusals: tuple[str, ...]


def run(context: Context[Options, Inputs]) -> None:
    artifact, options = context.folder(context.inputs.artifact), deployment_options(context)
    drawn = sample(
        read_examples(context.folder(context.inputs.examples)), context.options.samples, seed=context.options.seed
    )
    examples = evenly(drawn, FEWEST)
    default = Setting(1, options.threads, options.token_budget)

    @contextmanager
    def opened(sessions: int, threads: int) -> Iterator[Callable[[int], object]]:
        split = options.model_copy(update={"sessions": sessions, "threads": threads})
        with open_deployment(artifact, split) as deployment:
            yield lambda token_budget: deployment.with_budget(token_budget).table(examples)

    with opened(default.sessions, default.threads) as once:
        wanted = _enough(len(examples), lambda: once(default.token_budget))
    examples = evenly(drawn, wanted)
    context.progress("search", 0.1)
    candidates = [split for split in _candidates(options) if _fits(*split, artifact, options)]
    tuning = tune(default, candidates, opened, seconds=SECONDS, refused=REFUSALS)
    record = TuningRecord(version=FILE_VERSION, samples=wanted, **vars(tuning))
    write_json(context.destination / FILE, record.model_dump())


def read_tuning(folder: Path) -> TuningRecord:
    """Raises UserError for a field that is missing, unknown or of another type."""
    return read_record(folder / FILE, TuningRecord)


def evenly(examples: Sequence[Example], count: int) -> Sequence[Example]:
    """``count`` of them, or the few more that taking every nth gives."""
    return examples[:: max(1, len(examples) // count)]


def _enough(count: int, one_pass: Callable[[], object]) -> int:
    """Examples of a pass of `PASS_SECONDS`, where one over ``count`` of them is known."""
    one_pass()
    before = perf_counter()
    one_pass()
    return max(FEWEST, math.ceil(count * PASS_SECONDS / max(perf_counter() - before, 1e-9)))


def _candidates(options: DeploymentOptions) -> tuple[tuple[int, int], ...]:
    """On a device the host's threads do not matter, but a second session may use what the first leaves idle."""
    if backend_class(options.backend).device == "cpu":
        return splits(options.threads)
    return ((1, options.threads), (2, options.threads))


def _fits(sessions: int, threads: int, artifact: Path, options: DeploymentOptions) -> bool:
    """Whether so many openings leave enough memory; one is what the study asks for and always tried."""
    backend = backend_class(options.backend)(
        artifact, format=options.format, task=options.task.name, threads=threads, options=options.backend_options
    )
    if sessions == 1 or backend.serves_all_callers:
        return True
    size = sum(file.stat().st_size for file in artifact.rglob("*") if file.is_file())
    return sessions * COPIES * size <= MEMORY * usable_memory()
