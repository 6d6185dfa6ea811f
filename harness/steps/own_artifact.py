"""Take a finished ONNX file in as an artifact, and check it against itself: there is no checkpoint to check against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from backends.registry import open_backend
from exporters.manifest import write_manifest
from exporters.own_onnx import check_outputs, export_own, with_run
from exporters.parity import PER_TOKEN, compare_outputs
from harness.checkpoints.own_artifact import onnx_file, read_own_tokenizer, tokenizer_folder, told_of
from harness.config.study import OwnArtifact
from harness.errors import StepFailed
from harness.execution.status import NOT_FINITE, REFUSED
from harness.execution.worker import Context

Outputs = dict[str, NDArray[np.float32]]
Batch = Mapping[str, NDArray[np.int64]]

AGAINST = "itself, each text alone and without padding"
REPEATED = 1e-5
"""Largest difference between two runs of one input, as a share of the largest output, that is rounding: a sum's order
may differ. Dropout that was exported in training mode is far above."""


def write(context: Context) -> None:
    """Write the artifact; its manifest has no parity yet."""
    options = context.options
    own = OwnArtifact(**context.step.places["artifact"])
    read_own_tokenizer(tokenizer_folder(own)).save(str(context.destination / "tokenizer.json"))
    export_own(
        onnx_file(own),
        context.destination,
        task=options["task"],
        labels=options["labels"],
        pooling=options["pooling"],
        told=told_of(own),
        digests=options["files"],
    )


def check(context: Context, batches: Sequence[Batch]) -> None:
    """Run the artifact on padded ``batches`` and write what that told into its manifest.

    Raises:
        ExportError: outputs of another shape than the task's.
        StepFailed: NaN or infinity among the outputs, or other outputs when the same input comes again.
    """
    from exporters.manifest import read_manifest

    options, where = context.options, onnx_file(OwnArtifact(**context.step.places["artifact"]))
    with open_backend(
        "onnxruntime-cpu",
        context.destination,
        format=options["format"],
        task=options["task"],
        threads=None,
        representation=options.get("representation", True),
    ) as backend:
        together = [backend.infer(batch) for batch in batches]
        for outputs, batch in zip(together, batches, strict=True):
            check_outputs(outputs, batch, task=options["task"], labels=len(options["labels"]), where=where)
        again = backend.infer(batches[0])
        alone = [_one_by_one(backend, batch) for batch in batches]
    parity = compare_outputs(alone, together, batches)
    if not parity.finite:
        raise StepFailed(NOT_FINITE, f"{where} gives NaN or infinity on real, padded examples; export it again")
    repeated, largest = _difference(together[0], again)
    if not repeated <= REPEATED * max(1.0, largest):
        raise StepFailed(
            REFUSED,
            f"{where} gives other outputs when the same input comes again (by up to {repeated:.3g}); export it in "
            "evaluation mode, without dropout",
        )
    figures: dict[str, Any] = {**asdict(parity), "against": AGAINST, "largest_repeated_difference": repeated}
    write_manifest(context.destination, with_run(read_manifest(context.destination), together[0], figures))


def _one_by_one(backend: Backend, batch: Batch) -> Outputs:
    """Outputs of the batch's examples, each run alone and cut to its own length; padding is zero again behind it."""
    lengths = np.asarray(batch["attention_mask"]).sum(axis=1)
    width = batch["attention_mask"].shape[1]
    rows: list[Outputs] = []
    for index, length in enumerate(lengths):
        outputs = backend.infer({name: array[index : index + 1, :length] for name, array in batch.items()})
        rows.append(
            {
                name: np.pad(array, ((0, 0), (0, width - length))) if name in PER_TOKEN else array
                for name, array in outputs.items()
            }
        )
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _difference(first: Outputs, second: Outputs) -> tuple[float, float]:
    """The largest difference between two outputs, and the largest value of the first."""
    return (
        max(float(np.abs(first[name] - second[name]).max()) for name in first),
        max(float(np.abs(array).max()) for array in first.values()),
    )
