"""INT4 and BF16: which weights they reach, and that OpenVINO runs them too."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from exporters.onnx.graph import encoder_matmuls, read_model

NAMES = ("bert-qa", "distilbert-qa", "bert-classes")


@pytest.mark.parametrize("name", NAMES)
def test_the_encoders_products_are_in_4_bits_and_nothing_else(name, artifact):
    before = read_model(artifact(name, "onnx-fp32")).graph
    after = read_model(artifact(name, "onnx-int4")).graph
    quantized = [node for node in after.node if node.op_type == "MatMulNBits"]
    assert len(quantized) == len(encoder_matmuls(before)) == 12
    options = {attribute.name: attribute.i for attribute in quantized[0].attribute}
    assert (options["bits"], options["block_size"], options["accuracy_level"]) == (4, 32, 4)
    kept = {weight.name: weight for weight in before.initializer}
    for weight in after.initializer:
        if weight.name in kept:
            assert weight.SerializeToString() == kept[weight.name].SerializeToString()
    assert any(weight.dims[:] == [120, 32] for weight in after.initializer)  # the embeddings


def test_weights_are_rounded_to_16_steps_of_their_block(artifact):
    """MatMulNBits stores (columns, blocks, bytes) of the transposed weight, two numbers a byte, 8 being zero."""
    before, after = (read_model(artifact("bert-qa", format)).graph for format in ("onnx-fp32", "onnx-int4"))
    product = next(node for node in before.node if node.name == encoder_matmuls(before)[0])
    node = next(node for node in after.node if node.output[0] == product.output[0])
    weights = {
        weight.name: onnx.numpy_helper.to_array(weight) for graph in (before, after) for weight in graph.initializer
    }
    packed, scales = weights[node.input[1]], weights[node.input[2]].reshape(32, 1)
    numbers = np.stack([packed & 15, packed >> 4], axis=-1).reshape(32, 32).astype(np.float32) - 8
    exact = weights[product.input[1]].T
    assert np.abs(numbers * scales - exact).max() <= np.abs(scales).max() * 1.01
    assert np.abs(numbers * scales - exact).mean() < np.abs(scales).mean() / 3


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_where_fp16_is_half(name, artifact):
    half, brain = (read_model(artifact(name, format)).graph for format in ("onnx-fp16", "onnx-bf16"))
    kinds = {weight.name: weight.data_type for weight in brain.initializer}
    for weight in half.initializer:
        wanted = onnx.TensorProto.BFLOAT16 if weight.data_type == onnx.TensorProto.FLOAT16 else weight.data_type
        assert kinds[weight.name] == wanted
    assert onnx.TensorProto.BFLOAT16 in kinds.values()
    assert [node.op_type for node in brain.node] == [node.op_type for node in half.node]
    onnx.checker.check_model(str(artifact(name, "onnx-bf16") / "model.onnx"), full_check=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format", ["onnx-bf16", "onnx-int4"])
def test_openvino_runs_it(format, name, artifact, batches, run):
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    model = core.read_model(artifact(name, format) / "model.onnx")
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    wanted = run(artifact(name, "onnx-int4" if format == "onnx-int4" else "onnx-fp32"), batches)
    for batch, expected in zip(batches, wanted, strict=True):
        outputs = compiled({port.get_any_name(): batch[port.get_any_name()] for port in model.inputs})
        difference = np.abs(outputs["representation"] - expected["representation"]).mean()
        # 8 bits of precision, or INT8 activations on one side and not on the other
        assert difference < 0.1 * expected["representation"].std()
