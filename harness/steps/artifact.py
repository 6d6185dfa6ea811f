"""Export a checkpoint to a format, and check the artifact against the checkpoint on real, padded examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backends.batching import pad
from backends.registry import open_backend
from exporters.calibration import METHODS
from exporters.formats import FORMATS, OWN, export
from exporters.manifest import write_manifest
from exporters.parity import checkpoint_outputs, compare_outputs
from harness.data.sampling import sample
from harness.errors import StepFailed
from harness.execution.status import NOT_FINITE
from harness.execution.worker import Context
from harness.live import read_tokenizer, task_of
from harness.steps import own_artifact
from harness.store.examples import read_examples

Batch = dict[str, NDArray[np.int64]]

BATCH = 8  # examples of mixed lengths: what the shorter ones are padded with must not matter
PARITY_BACKEND = {"torch-fp32": "torch-cpu"}  # every other format: onnxruntime-cpu
PARITY_FORMAT = {"onnx-int8-tensorrt": "onnx-int8-static"}  # refused there for its speed; its numbers are right


def run(context: Context) -> None:
    options = context.options
    if options["format"] == OWN.name:
        own_artifact.write(context)
        own_artifact.check(context, _batches(context, "evaluation", options["parity"], context.destination))
        return
    checkpoint = context.input("checkpoint")
    source = context.input("parent") if FORMATS[options["format"]].parent else checkpoint
    calibration, method = None, METHODS[0]
    if "train" in context.step.needs:
        calibration = _batches(context, "train", options["calibration"]["examples"], checkpoint)
        method = options["calibration"]["method"]
    manifest = export(
        options["format"],
        source,
        context.destination,
        task=options["task"],
        pooling=options["pooling"],
        calibration=calibration,
        calibration_method=method,
    )
    batches = _batches(context, "evaluation", options["parity"], checkpoint)
    expected = checkpoint_outputs(checkpoint, options["task"], options["pooling"], batches)
    with open_backend(
        PARITY_BACKEND.get(options["format"], "onnxruntime-cpu"),
        context.destination,
        format=PARITY_FORMAT.get(options["format"], options["format"]),
        task=options["task"],
        pooling=options["pooling"],
        threads=None,
    ) as backend:
        actual = [backend.infer(batch) for batch in batches]
    parity = compare_outputs(expected, actual, batches)
    if not parity.finite:
        raise StepFailed(
            NOT_FINITE, "the artifact gives NaN or infinity on real, padded examples; try a format with more precision"
        )
    write_manifest(context.destination, replace(manifest, parity=asdict(parity)))


def _batches(context: Context, role: str, count: int, tokenizer_folder: Path) -> Sequence[Batch]:
    """Padded batches of mixed lengths of real examples."""
    examples = sample(read_examples(context.input(role)), count, seed=context.options["seed"])
    features = task_of(context.options).encode(read_tokenizer(tokenizer_folder), examples)
    order = np.random.default_rng(context.options["seed"]).permutation(len(features.example))
    order = order[:count]  # a long passage makes several features; as many as examples are enough
    return [pad(features.inputs, order[start : start + BATCH]) for start in range(0, len(order), BATCH)]
