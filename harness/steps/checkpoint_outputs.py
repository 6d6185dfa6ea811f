"""Run what deployments are held against on the examples that they are verified on.

That is the checkpoint itself, in PyTorch and FP32; of a finished file its graph, by ONNX Runtime without optimisation.
Before a checkpoint runs, what it is fed is held against what `transformers`' own scripts would feed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backends.onnxruntime.cpu import OnnxRuntimeUnoptimised
from exporters.checkpoint import read_checkpoint
from exporters.manifest import read_manifest
from exporters.parity import checkpoint_outputs
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.verification.checks import verification_inputs
from harness.verification.preprocessing import check_preprocessing

FILE = "expected.npz"


def run(context: Context) -> None:
    outputs = _of_checkpoint(context) if "checkpoint" in context.step.needs else _of_graph(context)
    arrays = {f"{name} {number:04}": array for number, batch in enumerate(outputs) for name, array in batch.items()}
    np.savez(context.destination / FILE, allow_pickle=False, **arrays)


def _of_checkpoint(context: Context) -> list[dict[str, NDArray[np.float32]]]:
    checkpoint = context.input("checkpoint")
    facts = read_checkpoint(checkpoint, task=context.options["task"])
    every = read_examples(context.input("evaluation"))
    inputs = verification_inputs(
        every, checkpoint, context.options, positions=facts.max_positions, pad_token=facts.pad_token
    )
    check_preprocessing(
        context.destination, task=inputs.task, written=checkpoint, source=checkpoint, examples=inputs.examples
    )
    return checkpoint_outputs(checkpoint, context.options["task"], context.options["pooling"], inputs.batches)


def _of_graph(context: Context) -> list[dict[str, NDArray[np.float32]]]:
    artifact, options = context.input("artifact"), context.options
    manifest = read_manifest(artifact)
    every = read_examples(context.input("evaluation"))
    inputs = verification_inputs(
        every, artifact, options, positions=manifest.max_positions, pad_token=manifest.pad_token
    )
    with OnnxRuntimeUnoptimised(
        artifact,
        format=options["format"],
        task=options["task"],
        representation=options.get("representation", True),
    ) as backend:
        return [backend.infer(batch) for batch in inputs.batches]


def read_expected(folder: Path, names: Sequence[str]) -> list[dict[str, NDArray[np.float32]]]:
    """The outputs ``names`` of each batch of `harness.verification.checks.verification_inputs`, in order."""
    with np.load(folder / FILE) as arrays:
        numbers = sorted({key.rpartition(" ")[2] for key in arrays})
        return [{name: arrays[f"{name} {number}"] for name in names} for number in numbers]
