"""Take a finished file in as an artifact."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from backends.registry import open_backend
from exporters.manifest import read_manifest, write_manifest
from exporters.prebuilt.engine import export_own_engine
from exporters.prebuilt.onnx import Told, check_outputs, export_own, with_run
from harness.checkpoints.prebuilt import own_file, tokenizer_folder
from harness.checkpoints.tokenizer_files import staged, write_own_tokenizer
from harness.config.models import OwnArtifact
from harness.inference.deployment import task_of
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.verification.checks import verification_examples
from harness.verification.preprocessing import check_preprocessing


def write(context: Context) -> None:
    """Write the artifact; its manifest lacks what a run tells."""
    options, own = context.options, _with_tokenizer(context)
    export_own(
        own_file(own),
        context.destination,
        task=options["task"],
        labels=options["labels"],
        pooling=options["pooling"],
        told=Told(**options["told"]),
        digests=options["files"],
    )


def write_engine(context: Context) -> None:
    options, own = context.options, _with_tokenizer(context)
    export_own_engine(
        own_file(own),
        context.destination,
        task=options["task"],
        labels=options["labels"],
        pooling=options["pooling"],
        told=Told(**options["told"]),
        digests=options["files"],
    )


def _with_tokenizer(context: Context) -> OwnArtifact:
    """The finished file's description, once its tokenizer is written."""
    own = OwnArtifact(**context.step.places["artifact"])
    write_own_tokenizer(tokenizer_folder(own), context.destination)
    return own


def check_features(context: Context) -> None:
    """Hold the features of the evaluation's examples against those of `transformers`' scripts.

    Raises:
        StepFailed: they differ.
    """
    own, every = OwnArtifact(**context.step.places["artifact"]), read_examples(context.input("evaluation"))
    with staged(tokenizer_folder(own)) as source:
        check_preprocessing(
            context.destination,
            task=task_of(context.options),
            written=context.destination,
            source=source,
            examples=verification_examples(every, context.options),
        )


def check(context: Context, batch: Mapping[str, NDArray[np.int64]]) -> None:
    """Run the artifact on a padded ``batch``, and write what that told into its manifest.

    Raises:
        ExportError: outputs of another shape than the task's.
    """
    options, where = context.options, own_file(OwnArtifact(**context.step.places["artifact"]))
    with open_backend(
        "onnxruntime-cpu",
        context.destination,
        format=options["format"],
        task=options["task"],
        threads=None,
        representation=options.get("representation", True),
    ) as backend:
        outputs = backend.infer(batch)
    check_outputs(outputs, batch, task=options["task"], labels=len(options["labels"]), where=where)
    write_manifest(context.destination, with_run(read_manifest(context.destination), outputs))
