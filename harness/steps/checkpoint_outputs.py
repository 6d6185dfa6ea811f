"""Run the checkpoint that deployments are held against on the examples that they are verified on.

It runs in PyTorch and FP32. Before it does, what it is fed is held against what `transformers`' own scripts would
feed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.checkpoint import read_checkpoint
from exporters.embedding import read_pooling
from exporters.parity import checkpoint_outputs
from exporters.pooling import Pooling
from exporters.work import Work, count_work
from harness.config.strict import Strict
from harness.inference.options import TaskOptions
from harness.inference.process import import_transformers
from harness.steps.context import Context
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.record import read_record
from harness.store.step import StepInputs, StepRef
from harness.verification.checks import joined, single_rows, verification_inputs
from harness.verification.preprocessing import check_preprocessing

VERSION = 7
LIBRARIES = ("torch", "transformers", "tokenizers")

FILE = "expected.npz"
UNPADDED = "unpadded.npz"
WORK = "work.json"

BatchOutputs = dict[str, NDArray[np.float32]]


class Options(Strict):
    task: TaskOptions
    pooling: Pooling | None
    """None: as the checkpoint itself says."""
    verification_examples: int
    seed: int


class Inputs(StepInputs):
    checkpoint: StepRef
    evaluation: StepRef


def run(context: Context[Options, Inputs]) -> None:
    import_transformers()
    options, checkpoint = context.options, context.folder(context.inputs.checkpoint)
    facts = read_checkpoint(checkpoint, task=options.task.head)
    inputs = verification_inputs(
        read_examples(context.folder(context.inputs.evaluation)),
        checkpoint,
        options.task.open(),
        count=options.verification_examples,
        seed=options.seed,
        positions=facts.max_positions,
        pad_token=facts.pad_token,
    )
    check_preprocessing(
        context.destination, task=inputs.task, written=checkpoint, source=checkpoint, examples=inputs.examples
    )
    batches = inputs.batches
    rows = single_rows(batches[0], padded=False)
    pooling = options.pooling or read_pooling(checkpoint)
    outputs = checkpoint_outputs(checkpoint, options.task.head, pooling, [*batches, *rows])
    write_expected(context.destination, outputs[: len(batches)])
    width = batches[0]["attention_mask"].shape[1]
    unpadded = joined(outputs[len(batches) :], width, inputs.task.head.per_token)
    np.savez(context.destination / UNPADDED, allow_pickle=False, **unpadded)
    write_json(context.destination / WORK, asdict(count_work(checkpoint, task=options.task.head)))


def write_expected(folder: Path, outputs: Sequence[BatchOutputs]) -> None:
    arrays = {f"{name} {number:04}": array for number, batch in enumerate(outputs) for name, array in batch.items()}
    np.savez(folder / FILE, allow_pickle=False, **arrays)


def read_unpadded(folder: Path, names: Sequence[str]) -> BatchOutputs:
    """The outputs ``names`` of the first batch's rows, each run alone and without padding."""
    with np.load(folder / UNPADDED) as arrays:
        return {name: arrays[name] for name in names}


def read_expected(folder: Path, names: Sequence[str]) -> list[BatchOutputs]:
    """The outputs ``names`` of each batch of `harness.verification.checks.verification_inputs`, in order."""
    with np.load(folder / FILE) as arrays:
        numbers = sorted({key.rpartition(" ")[2] for key in arrays})
        return [{name: arrays[f"{name} {number}"] for name in names} for number in numbers]


def read_work(folder: Path) -> Work:
    """What the checkpoint does. Raises UserError for a field that is missing or of another type."""
    return read_record(folder / WORK, Work)
