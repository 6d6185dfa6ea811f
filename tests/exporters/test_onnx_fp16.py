"""What is half precision in an FP16 artifact, and what is not."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from exporters.onnx_graph import behind_mask, read_model

NAMES = ("bert-qa", "distilbert-qa", "bert-classes")


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("name", NAMES)
def test_products_are_half_and_reductions_are_not(name, pooling, artifact):
    folder = artifact(name, "onnx-fp16", pooling)
    onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
    model = onnx.shape_inference.infer_shapes(read_model(folder))
    graph = model.graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in [*graph.value_info, *graph.output]}
    kinds |= {weight.name: weight.data_type for weight in graph.initializer}
    masked = set(behind_mask(graph))
    for node in graph.node:
        if node.op_type in ("MatMul", "Gemm"):
            assert kinds[node.output[0]] == onnx.TensorProto.FLOAT16, node.name
        elif node.op_type in ("LayerNormalization", "Softmax", "ReduceSum") or (
            node.name in masked and node.op_type in ("Add", "Where", "Mul", "Sub", "Div")
        ):
            assert kinds[node.output[0]] == onnx.TensorProto.FLOAT, node.name


def test_weights_take_half_the_room(artifact):
    sizes = {format: _weight_bytes(artifact("bert-qa", format)) for format in ("onnx-fp32", "onnx-fp16")}
    assert 0.45 < sizes["onnx-fp16"] / sizes["onnx-fp32"] < 0.56  # the LayerNorms' weights stay


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format", ["onnx-fp32", "onnx-fp16", "onnx-int8-dynamic", "onnx-int8-static"])
def test_a_row_that_is_all_padding_is_finite(format, name, artifact, batches, run):
    """A batch filled up to a fixed size has such rows; -inf as the mask would make them NaN."""
    batch = {key: array.copy() for key, array in batches[0].items()}
    batch["attention_mask"][-1] = 0
    for pooling in ("cls", "mean"):
        (outputs,) = run(artifact(name, format, pooling), [batch])
        assert all(np.isfinite(array).all() for array in outputs.values())


def _weight_bytes(folder):
    return sum(weight.ByteSize() for weight in read_model(folder).graph.initializer)
