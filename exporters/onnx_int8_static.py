"""``onnx-int8-static``: INT8 weights and activations, whose range was measured beforehand (QDQ)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.errors import ExportError
from exporters.quantization import parts, quantize_embeddings, quantized_into, reduced_range

Batch = Mapping[str, NDArray[np.int64]]


def write(parent: Path, destination: Path, calibration: Sequence[Batch]) -> None:
    """Convert the ``onnx-fp32`` artifact ``parent``, calibrated on ``calibration``.

    Quantized are the encoder's products with weights (input per tensor, unsigned with a zero point; their
    weights per channel) and the embeddings. Their results, attention scores, the mask, Softmax, LayerNorm,
    the residual sums and the head stay float32: a probability of 1/384 is no step of an INT8 scale, and a
    range that has to hold the mask's -3.4e38 has no step for anything else. Ranges are the least and the
    greatest value seen; percentiles and entropy cut off outliers that BERT needs (onnxruntime#10571).

    Signed symmetric activations, which TensorRT asks for, would double the error and run at the speed of
    float32 on x86-64.
    """
    from onnx import TensorProto
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader

    chosen = parts(parent)
    batches = [_feeds(batch, chosen.inputs) for batch in calibration]

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest: Iterator[dict[str, NDArray[np.int64]]] = iter(batches)

        def get_next(self) -> dict[str, NDArray[np.int64]] | None:
            return next(self.rest, None)

    with quantized_into(destination, parent) as work:
        quantize_embeddings(work, chosen.embeddings)
        try:
            quantize_static(
                work.source,
                work.result,
                Reader(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["MatMul"],
                nodes_to_quantize=chosen.products,
                per_channel=True,
                reduce_range=reduced_range(),
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                use_external_data_format=work.external,
                extra_options={
                    "OpTypesToExcludeOutputQuantization": ["MatMul"],
                    "DefaultTensorType": TensorProto.FLOAT,
                },
            )
        except (Fail, InvalidArgument, RuntimeException) as error:
            reason = str(error).strip().splitlines()[0]
            raise ExportError(f"running {parent} on the calibration batches failed: {reason}") from error


def describe(calibration: Sequence[Batch]) -> dict[str, Any]:
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
        "method": "min-max",
        "batches": len(masks),
        "examples": len(lengths),
        "tokens": int(lengths.sum()),
        "padding": int(sum(mask.size for mask in masks) - lengths.sum()),
        "shortest": int(lengths.min()),
        "longest": int(lengths.max()),
        "sha256": digest.hexdigest(),
    }


def check(calibration: Sequence[Batch] | None) -> Sequence[Batch]:
    """Raise `ExportError` unless there are calibration batches, each with an ``attention_mask``."""
    if not calibration:
        raise ExportError("onnx-int8-static needs calibration batches, none were given: name training data")
    for index, batch in enumerate(calibration):
        shapes = {np.shape(array) for array in batch.values()}
        if "attention_mask" not in batch or len(shapes) != 1 or len(shape := shapes.pop()) != 2 or 0 in shape:
            raise ExportError(
                f"calibration batch {index} is no padded batch with an attention_mask "
                f"({', '.join(f'{name} {np.shape(array)}' for name, array in batch.items())}): pad it first"
            )
    return calibration


def _feeds(batch: Batch, inputs: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    for name in inputs:
        if name not in batch:
            raise ExportError(f"a calibration batch has {', '.join(batch)}, the model needs {name!r} too")
    return {name: np.asarray(batch[name], dtype=np.int64) for name in inputs}
