"""``onnx-int8-dynamic``: INT8 weights; activations are scaled anew at every call, by their own range."""

from __future__ import annotations

from pathlib import Path

from exporters.quantization.weights import parts, quantized_into, reduced_range


def write(parent: Path, destination: Path) -> None:
    """Convert the ``onnx-fp32`` artifact ``parent``: the encoder's products, per channel, and embeddings."""
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
            nodes_to_quantize=[*chosen.products, *chosen.embeddings],
            use_external_data_format=work.external,
            # Without it, a tensor whose type was not inferred ends the conversion.
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
