"""Export a checkpoint to a format. Whether the artifact answers like its checkpoint is verified by backend, later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backends.batching import pad
from exporters.export import export
from exporters.formats import FORMATS
from exporters.manifest import read_manifest
from exporters.prebuilt.engine import FORMAT as PREBUILT_ENGINE
from exporters.prebuilt.onnx import FORMAT as PREBUILT_ONNX
from exporters.quantization.calibration import METHODS
from harness.data.sampling import sample
from harness.inference.deployment import task_of
from harness.steps import prebuilt_artifact as own_artifact
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.verification.checks import require_positions

Batch = dict[str, NDArray[np.int64]]

BATCH = 8  # examples of mixed lengths: calibration must see padded positions too


def run(context: Context) -> None:
    options = context.options
    if options["format"] == PREBUILT_ENGINE.name:
        own_artifact.write_engine(context)
        own_artifact.check_features(context)
        return
    if options["format"] == PREBUILT_ONNX.name:
        own_artifact.write(context)
        own_artifact.check_features(context)
        own_artifact.check(context, _batches(context, "evaluation", BATCH, context.destination, context.destination)[0])
        return
    checkpoint = context.input("checkpoint")
    source = context.input("parent") if FORMATS[options["format"]].parent else checkpoint
    calibration, method = None, METHODS[0]
    if "train" in context.step.needs:
        calibration = _batches(context, "train", options["calibration"]["examples"], checkpoint, source)
        method = options["calibration"]["method"]
    export(
        options["format"],
        source,
        context.destination,
        task=options["task"],
        pooling=options["pooling"],
        calibration=calibration,
        calibration_method=method,
    )


def _batches(context: Context, role: str, count: int, tokenizer_folder: Path, artifact: Path) -> Sequence[Batch]:
    """Batches of mixed lengths of real examples, padded as ``artifact`` is."""
    examples = sample(read_examples(context.input(role)), count, seed=context.options["seed"])
    features = task_of(context.options).encode(read_tokenizer(tokenizer_folder), examples)
    order = np.random.default_rng(context.options["seed"]).permutation(len(features.example))
    order = order[:count]  # a long passage makes several features; as many as examples are enough
    manifest = read_manifest(artifact)
    require_positions(int(features.lengths.max()), manifest.max_positions, context.options["task"])
    rows = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    return [pad(features.inputs, indices, pad_token=manifest.pad_token) for indices in rows]
