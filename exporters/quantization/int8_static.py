"""``onnx-int8-static`` and ``onnx-int8-tensorrt``: INT8 weights and activations, ranged beforehand (QDQ)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.onnx.graph import embeddings, write_model
from exporters.quantization import calibration as calibrations
from exporters.quantization import sensitivity, smoothing
from exporters.quantization.calibration import METHODS, Batch, ChannelRanges, channel_ranges, clipped_ranges
from exporters.quantization.instruction_set import instruction_set
from exporters.quantization.matmul_groups import MatmulGroup, OpenedModel, open_model, sharing_weights
from exporters.quantization.qdq import Activation, quantize_embeddings, quantize_group, replace_groups
from exporters.quantization.weights import reduced_range


def write(
    parent: Path, destination: Path, calibration: Sequence[Batch], *, method: str = METHODS[0], signed: bool = False
) -> dict[str, Any]:
    """Convert the ``onnx-fp32`` artifact ``parent``, calibrated on ``calibration``; returns the sensitivity report.

    Quantized are the encoder's matmuls with weights (input per tensor, weights per channel) and the embeddings.
    Results of matmuls, attention scores, the mask, Softmax, LayerNorm, the residual sums and the head stay
    float32: a probability of 1/384 is no step of an INT8 scale, and a range that has to hold the mask's -3.4e38
    has no step for anything else. Outliers are smoothed (`exporters.quantization.smoothing`), and matmuls that are
    still much more sensitive than the others stay float32 (`exporters.quantization.sensitivity`).

    ``method`` is one of `exporters.quantization.calibration.METHODS`. Least and greatest value is the default, as
    percentiles and entropy cut off outliers that BERT needs (onnxruntime#10571).

    Not ``signed``: activations are unsigned with a zero point, which is what x86-64 multiplies fastest. ``signed``:
    activations are symmetric, as TensorRT asks for, and the embeddings stay float32.
    """
    with tempfile.TemporaryDirectory(dir=destination, prefix=".export-") as scratch:
        opened = open_model(parent, Path(scratch))
        groups = opened.groups()
        activations = _activations(opened, groups, calibration, method)
        reduced = reduced_range() and not signed
        quantized = [
            quantize_group(opened, group, activations[group.input], signed=signed, reduced=reduced) for group in groups
        ]
        report = sensitivity.measure(opened, quantized, calibration)
        replace_groups(opened.model, [entry for entry in quantized if entry.group.name not in report.left_float])
        if not signed:
            quantize_embeddings(opened, embeddings(opened.model.graph))
        write_model(opened.complete(), destination)
    copy_tokenizer(parent, destination)
    return asdict(report)


def _activations(
    opened: OpenedModel, groups: Sequence[MatmulGroup], calibration: Sequence[Batch], method: str
) -> Mapping[str, Activation]:
    """How the input of each group is smoothed and ranged, by its name.

    Groups that share a weight are smoothed alike, so that they go on sharing it.
    """
    measured = channel_ranges(opened, [group.input for group in groups], calibration)
    divisors: dict[str, NDArray[np.float32] | None] = {}
    for together in sharing_weights(groups):
        channel_divisors = None
        if any(group.after == "LayerNormalization" for group in together):
            channel_divisors = smoothing.divisors(
                ChannelRanges.covering([measured[group.input] for group in together]),
                [weight for group in together for weight in opened.weights(group)],
            )
        divisors.update((group.input, channel_divisors) for group in together)
    if method == METHODS[0]:
        ranges = {name: measured[name].overall(divisors[name]) for name in measured}
    else:
        ranges = clipped_ranges(opened, divisors, calibration, method)
    return {name: Activation(*ranges[name], divisors[name]) for name in measured}


def _export(job: Job) -> Mapping[str, Any]:
    return {**_calibrated(FORMAT, job, signed=False), "isa": instruction_set()}


def _export_for_tensorrt(job: Job) -> Mapping[str, Any]:
    return _calibrated(FOR_TENSORRT, job, signed=True)


def _calibrated(format: Format, job: Job, *, signed: bool) -> dict[str, Any]:
    method = job.calibration_method
    batches = calibrations.check(format.name, job.calibration, method)
    sensitivity_report = write(job.source, job.destination, batches, method=method, signed=signed)
    return {
        "sensitivity": sensitivity_report,
        "calibration": calibrations.describe(batches, method),
        "warnings": calibrations.warnings(batches),
    }


FORMAT = Format(
    "onnx-int8-static",
    family="onnx",
    parent="onnx-fp32",
    precision="int8",
    arithmetic="int8 weights, int8 activations",
    summary="8-bit weights and activations (QDQ), calibrated on examples, for CPUs",
    write=_export,
    isa_dependent=True,
    needs_calibration=True,
    calibration_methods=METHODS,
)
FOR_TENSORRT = Format(
    "onnx-int8-tensorrt",
    family="onnx",
    parent="onnx-fp32",
    precision="int8",
    arithmetic="int8 weights, int8 activations",
    summary="8-bit weights and symmetric 8-bit activations (QDQ), calibrated on examples, for TensorRT",
    write=_export_for_tensorrt,
    isa_dependent=True,
    needs_calibration=True,
    calibration_methods=METHODS,
)
