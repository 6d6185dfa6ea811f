"""Take a finished file in as an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from backends.registry import backend_class, open_backend
from exporters.errors import ExportError
from exporters.manifest import read_manifest, write_manifest
from exporters.pooling import Pooling
from exporters.prebuilt.engine import FORMAT as PREBUILT_ENGINE
from exporters.prebuilt.engine import export_prebuilt_engine
from exporters.prebuilt.onnx import DeclaredMetadata, check_outputs, export_prebuilt, with_run_facts
from harness.checkpoints.prebuilt import prebuilt_file, tokenizer_folder
from harness.checkpoints.tokenizer_files import staged, write_prebuilt_tokenizer
from harness.config.models import PrebuiltArtifact
from harness.config.strict import Strict
from harness.inference.options import TaskOptions
from harness.steps.artifact import BATCH, LIBRARIES, mixed_batches
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.store.step import LOCATION, StepInputs, StepRef
from harness.verification.checks import verification_examples
from harness.verification.preprocessing import check_preprocessing

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 5
RUNTIME = "onnxruntime-cpu"


class Options(Strict):
    format: str
    task: TaskOptions
    pooling: Pooling
    artifact: Annotated[PrebuiltArtifact, LOCATION]
    """The file and its tokenizer by absolute paths; what counts of it is below."""
    declared: DeclaredMetadata
    """What the study, or the ``config.json`` beside it, says of the file."""
    files: dict[str, str]
    """SHA-256 by name."""
    tokenizer: dict[str, str]
    """SHA-256 by name."""
    representation: bool
    verification_examples: int
    seed: int


class Inputs(StepInputs):
    evaluation: StepRef


def run(context: Context[Options, Inputs]) -> None:
    options = context.options
    write_prebuilt_tokenizer(tokenizer_folder(options.artifact), context.destination)
    write = export_prebuilt_engine if options.format == PREBUILT_ENGINE.name else export_prebuilt
    write(
        prebuilt_file(options.artifact),
        context.destination,
        task=options.task.head,
        labels=options.task.labels,
        pooling=options.pooling,
        declared=options.declared,
        digests=options.files,
    )
    _check_features(context)
    if options.format != PREBUILT_ENGINE.name:
        examples = context.folder(context.inputs.evaluation)
        folder = context.destination
        _check_outputs(context, mixed_batches(examples, options.task, BATCH, folder, folder, seed=options.seed)[0])


def _check_features(context: Context[Options, Inputs]) -> None:
    """Hold the features of the evaluation's examples against those of `transformers`' scripts.

    Raises:
        StepFailed: they differ.
    """
    options, every = context.options, read_examples(context.folder(context.inputs.evaluation))
    with staged(tokenizer_folder(options.artifact)) as source:
        check_preprocessing(
            context.destination,
            task=options.task.open(),
            written=context.destination,
            source=source,
            examples=verification_examples(every, options.verification_examples, seed=options.seed),
        )


def _check_outputs(context: Context[Options, Inputs], batch: Mapping[str, NDArray[np.int64]]) -> None:
    """Run the artifact on a padded ``batch``, and write what that told into its manifest.

    Raises:
        ExportError: ONNX Runtime does not take the file, or outputs are of another shape than the task's.
    """
    options = context.options
    where = prebuilt_file(options.artifact)
    if (reason := backend_class(RUNTIME).cannot_read(where)) is not None:
        raise ExportError(reason)
    with open_backend(
        RUNTIME,
        context.destination,
        format=options.format,
        task=options.task.head,
        threads=None,
        representation=options.representation,
    ) as backend:
        outputs = backend.infer(batch)
    check_outputs(outputs, batch, task=options.task.head, labels=len(options.task.labels), where=where)
    write_manifest(context.destination, with_run_facts(read_manifest(context.destination), outputs))
