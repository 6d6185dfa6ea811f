"""Calibration: the range of what the quantized matmuls multiply, measured on examples."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporters.errors import ExportError, one_line
from exporters.quantization.matmul_groups import OpenedModel

if TYPE_CHECKING:
    from onnx import ModelProto

Batch = Mapping[str, NDArray[np.int64]]
Values = NDArray[np.float32]

METHODS = ("min-max", "entropy", "percentile")
"""How the range that a tensor is quantized to follows from its values: the first is the default."""
PERCENTILE = 99.999  # the default of onnxruntime.quantization, as are the bins below
BINS = {"entropy": 128, "percentile": 2048}
QUANTIZED_BINS = 128


@dataclass(frozen=True)
class ChannelRanges:
    """Least and greatest value of a tensor in each channel of its last axis, float32 (channels,)."""

    low: Values
    high: Values

    @classmethod
    def covering(cls, ranges: Sequence[ChannelRanges]) -> ChannelRanges:
        """The narrowest that hold all ``ranges``, of tensors with the same channels."""
        return cls(
            np.minimum.reduce([entry.low for entry in ranges]), np.maximum.reduce([entry.high for entry in ranges])
        )

    def overall(self, divisors: Values | None) -> tuple[float, float]:
        """Least and greatest value of all channels, each divided by its own of ``divisors`` if there are any."""
        by = np.float32(1) if divisors is None else divisors
        return float((self.low / by).min()), float((self.high / by).max())


def channel_ranges(opened: OpenedModel, tensors: Sequence[str], batches: Sequence[Batch]) -> dict[str, ChannelRanges]:
    """Run the model on ``batches``; padded positions count too, as they are quantized with the others.

    The graph itself reduces each (batch, sequence, channels) tensor to its channels, so that one pass is enough and
    no tensor is kept. Row by row: ONNX Runtime reduces them when all are there, and for BERT-large those of a batch
    of 8 x 384 take 4.6 GB.

    Raises `ExportError` when a batch lacks an input or the model does not run on it.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.ModelProto()
    model.CopyFrom(opened.model)
    model.graph.initializer.append(numpy_helper.from_array(np.array([0, 1]), "calibration axes"))
    for tensor in tensors:
        for operator, name in (("ReduceMin", f"{tensor} low"), ("ReduceMax", f"{tensor} high")):
            model.graph.node.append(helper.make_node(operator, [tensor, "calibration axes"], [name], keepdims=0))
            model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]))
    names = [f"{tensor} {end}" for end in ("low", "high") for tensor in tensors]
    ranges: NDArray[Any] | None = None
    for results in run_batches(model, opened.folder, names, rows(batches)):
        lows, highs = results[: len(tensors)], results[len(tensors) :]
        if ranges is None:
            ranges = np.empty((2, len(tensors)), dtype=object)
            ranges[0, :], ranges[1, :] = lows, highs
        else:
            ranges[0, :] = [np.minimum(a, b) for a, b in zip(ranges[0], lows, strict=True)]
            ranges[1, :] = [np.maximum(a, b) for a, b in zip(ranges[1], highs, strict=True)]
    if ranges is None:
        raise ExportError("there are no calibration batches: name training data")
    return {tensor: ChannelRanges(low, high) for tensor, low, high in zip(tensors, *ranges, strict=True)}


def clipped_ranges(
    opened: OpenedModel, divisors: Mapping[str, Values | None], batches: Sequence[Batch], method: str
) -> dict[str, tuple[float, float]]:
    """The range that ``method`` ("entropy" or "percentile") keeps of each tensor, divided by its ``divisors`` if any.

    Histograms are those of `onnxruntime.quantization`, fed row by row, so that no more than one example's tensors
    are in memory.
    """
    import onnx
    from onnx import TensorProto, helper
    from onnxruntime.quantization.calibrate import HistogramCollector

    model = onnx.ModelProto()
    model.CopyFrom(opened.model)
    for tensor in divisors:
        model.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, [None, None, None]))
    collector = HistogramCollector(
        method=method,
        symmetric=False,
        num_bins=BINS[method],
        num_quantized_bins=QUANTIZED_BINS,
        percentile=PERCENTILE,
        scenario="same",
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it tells its progress
        for results in run_batches(model, opened.folder, list(divisors), rows(batches)):
            pairs = zip(divisors.items(), results, strict=True)
            collector.collect({name: values if by is None else values / by for (name, by), values in pairs})
        kept = collector.compute_collection_result()
    return {tensor: (float(low), float(high)) for tensor, (low, high, *_) in kept.items()}


def rows(batches: Sequence[Batch]) -> Iterator[Batch]:
    """Single rows, with their padding."""
    for batch in batches:
        for row in range(len(batch["attention_mask"])):
            yield {name: np.asarray(array)[row : row + 1] for name, array in batch.items()}


def run_batches(
    model: ModelProto, folder: Path, outputs: Sequence[str], batches: Iterable[Batch]
) -> Iterator[list[NDArray[Any]]]:
    """The ``outputs`` of ``model``, whose large weights are in ``folder``, for each batch.

    Raises `ExportError` when a batch lacks an input or the model does not run on it.
    """
    import onnx
    import onnxruntime

    path = folder / "calibrated.onnx"
    onnx.save_model(model, str(path))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        inputs = [value.name for value in session.get_inputs()]
        for batch in batches:
            yield session.run(list(outputs), feeds(batch, inputs))
    except ExportError:
        raise
    except Exception as error:  # onnxruntime raises several kinds
        raise ExportError(f"running the model on the calibration batches failed: {one_line(error)}") from error


def describe(calibration: Sequence[Batch], method: str) -> dict[str, Any]:
    """The manifest's record of the calibration data: how much, how long, how padded, and its SHA-256."""
    masks = [np.asarray(batch["attention_mask"]) for batch in calibration]
    lengths = np.concatenate([mask.sum(axis=1) for mask in masks])
    digest = hashlib.sha256()
    for batch in calibration:
        for name in sorted(batch):
            array = np.ascontiguousarray(batch[name], dtype=np.int64)
            digest.update(f"{name}{array.shape}".encode())
            digest.update(array.tobytes())
    return {
        "method": method,
        "batches": len(masks),
        "examples": len(lengths),
        "tokens": int(lengths.sum()),
        "padding": int(sum(mask.size for mask in masks) - lengths.sum()),
        "shortest": int(lengths.min()),
        "longest": int(lengths.max()),
        "sha256": digest.hexdigest(),
    }


def check(
    format: str, calibration: Sequence[Batch] | None, method: str, methods: Sequence[str] = METHODS
) -> Sequence[Batch]:
    """Raise `ExportError` unless there are calibration batches, each with an ``attention_mask``.

    ``methods`` are those of `METHODS` that the ``format`` has.
    """
    if method not in METHODS:
        raise ExportError(f"calibration method {method!r} is not known: use one of {', '.join(METHODS)}")
    if method not in methods:
        raise ExportError(f"{format} has no calibration method {method!r}: use {' or '.join(methods)}")
    if not calibration:
        raise ExportError(f"{format} needs calibration batches, none were given: name training data")
    for index, batch in enumerate(calibration):
        shapes = {np.shape(array) for array in batch.values()}
        if "attention_mask" not in batch or len(shapes) != 1 or len(shape := shapes.pop()) != 2 or 0 in shape:
            raise ExportError(
                f"calibration batch {index} is no padded batch with an attention_mask "
                f"({', '.join(f'{name} {np.shape(array)}' for name, array in batch.items())}): pad it first"
            )
    return calibration


def warnings(calibration: Sequence[Batch]) -> list[str]:
    """What calibration batches lack: a range that never saw padding, or another length, may not hold there."""
    messages, seen = [], describe(calibration, METHODS[0])
    if seen["padding"] == 0:
        messages.append("calibrated without padding: ranges may not hold at padded positions, give padded batches")
    if seen["shortest"] == seen["longest"]:
        messages.append(f"calibrated on texts of {seen['longest']} tokens alone: give texts of mixed lengths")
    return messages


def feeds(batch: Batch, inputs: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """What of ``batch`` a model with these ``inputs`` takes; `ExportError` when it lacks one."""
    for name in inputs:
        if name not in batch:
            raise ExportError(f"a calibration batch has {', '.join(batch)}, the model needs {name!r} too")
    return {name: np.asarray(batch[name], dtype=np.int64) for name in inputs}
