"""``onnx-int8-dynamic``: INT8 weights; activations are scaled anew at every call, by their own range."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.format import Format, Job
from exporters.quantization.instruction_set import instruction_set
from exporters.quantization.weights import parts, quantized_into, reduced_range


def write(parent: Path, destination: Path) -> None:
    """Convert the ``onnx-fp32`` artifact ``parent``: the encoder's matmuls, per channel, and embeddings."""
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic

    chosen = parts(parent)
    with quantized_into(destination, parent) as work:
        quantize_dynamic(
            work.source,
            work.result,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            reduce_range=reduced_range(),
            weight_type=QuantType.QInt8,
            nodes_to_quantize=[*chosen.matmuls, *chosen.embeddings],
            use_external_data_format=work.external,
            # Without it, a tensor whose type was not inferred ends the conversion.
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )


def _export(job: Job) -> Mapping[str, Any]:
    write(job.source, job.destination)
    return {"isa": instruction_set()}


FORMAT = Format(
    "onnx-int8-dynamic",
    family="onnx",
    parent="onnx-fp32",
    precision="int8",
    arithmetic="int8 weights, activations scaled at run time",
    summary="8-bit weights; every call scales its activations by their own range",
    write=_export,
    scales_at_run_time=True,
    isa_dependent=True,
)
