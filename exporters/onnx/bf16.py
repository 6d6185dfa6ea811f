"""``onnx-bf16``: weights and matmuls in bfloat16; what ``onnx-fp16`` keeps in float32 stays in it here too.

Bfloat16 reaches as far as float32, so that nothing overflows, with 8 bits of precision in place of 11. ONNX Runtime has
no matmuls of it on the CPU; OpenVINO has on a CPU with AVX-512 BF16 or AMX, ONNX Runtime on GPUs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.onnx.fp16 import half_graph, put_back_converted
from exporters.onnx.graph import read_model, write_model
from exporters.onnx.weights_aside import set_aside

if TYPE_CHECKING:
    from onnx import GraphProto


def write(parent: Path, destination: Path) -> None:
    """Convert the ``onnx-fp32`` artifact ``parent``."""
    import ml_dtypes
    from onnx import TensorProto

    def rounded(values: NDArray[np.float32]) -> bytes:
        return values.astype(ml_dtypes.bfloat16).tobytes()

    model, data = set_aside(read_model(parent), lambda weight: weight.data_type == TensorProto.FLOAT)
    half = half_graph(model)
    _to_bfloat16(half.graph)
    put_back_converted(half, data, TensorProto.BFLOAT16, rounded)
    write_model(half, destination)
    copy_tokenizer(parent, destination)


def _to_bfloat16(graph: GraphProto) -> None:
    """Bfloat16 wherever the graph says float16: casts, constants, and the types of weights."""
    import ml_dtypes
    from onnx import TensorProto, numpy_helper

    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT16:
            weight.data_type = TensorProto.BFLOAT16
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.BFLOAT16
            elif attribute.t.data_type == TensorProto.FLOAT16:
                values = numpy_helper.to_array(attribute.t).astype(ml_dtypes.bfloat16)
                attribute.t.CopyFrom(numpy_helper.from_array(values, attribute.t.name))


def _export(job: Job) -> Mapping[str, Any]:
    write(job.source, job.destination)
    return {}


FORMAT = Format(
    "onnx-bf16",
    family="onnx",
    parent="onnx-fp32",
    precision="bf16",
    arithmetic="bf16; LayerNorm, Softmax, mask and reductions fp32",
    summary="bfloat16 weights and matmuls, for OpenVINO and GPUs",
    write=_export,
)
