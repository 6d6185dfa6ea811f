"""Export a checkpoint to a format. Whether the artifact answers like its checkpoint is verified by backend, later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from backends.batching import pad
from exporters.artifact import export
from exporters.manifest import read_manifest
from exporters.pooling import Pooling
from exporters.quantization.calibration import METHODS
from harness.config.strict import Strict
from harness.config.tasks import Calibration
from harness.data.sampling import sample
from harness.inference.options import TaskOptions
from harness.inference.process import import_transformers
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.store.step import StepInputs, StepRef
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.verification.checks import require_positions

VERSION = 7
LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "optimum",
    "optimum-onnx",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
)

Batch = dict[str, NDArray[np.int64]]

BATCH = 8  # examples of mixed lengths: calibration must see padded positions too


class Options(Strict):
    format: str
    task: TaskOptions
    pooling: Pooling | None
    """None: as the checkpoint itself says."""
    seed: int
    """Of the choice of calibration examples; 0 where there are none."""
    calibration: Calibration | None = None
    """Of a format that needs it."""
    isa: tuple[str, ...] = ()
    """Instruction sets of the CPU, where the format depends on them."""
    gpu: Any = None
    """Likewise; see `backends.host.nvidia.describe`."""
    versions: dict[str, str] = Field(default={})
    """Of distributions that this format alone depends on."""


class Inputs(StepInputs):
    checkpoint: StepRef
    parent: StepRef | None = None
    """The artifact that this one is converted from; None: it is exported from the checkpoint."""
    calibration: StepRef | None = None
    """Training examples."""


def run(context: Context[Options, Inputs]) -> None:
    options, inputs = context.options, context.inputs
    if inputs.parent is None:
        import_transformers()
    checkpoint = context.folder(inputs.checkpoint)
    source = checkpoint if inputs.parent is None else context.folder(inputs.parent)
    batches, method = None, METHODS[0]
    if options.calibration is not None and inputs.calibration is not None:
        examples = context.folder(inputs.calibration)
        batches = mixed_batches(
            examples, options.task, options.calibration.examples, checkpoint, source, seed=options.seed
        )
        method = options.calibration.method
    export(
        options.format,
        source,
        context.destination,
        task=options.task.head,
        pooling=options.pooling,
        calibration=batches,
        calibration_method=method,
    )


def mixed_batches(
    examples: Path, task: TaskOptions, count: int, tokenizer_folder: Path, artifact: Path, *, seed: int
) -> Sequence[Batch]:
    """Batches of mixed lengths of ``count`` real examples, padded as ``artifact`` is."""
    chosen = sample(read_examples(examples), count, seed=seed)
    features = task.open().encode(read_tokenizer(tokenizer_folder), chosen)
    order = np.random.default_rng(seed).permutation(len(features.example))
    order = order[:count]  # a long passage makes several features; as many as examples are enough
    manifest = read_manifest(artifact)
    require_positions(int(features.lengths.max()), manifest.max_positions, task.open())
    rows = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    return [pad(features.inputs, indices, pad_token=manifest.pad_token) for indices in rows]
