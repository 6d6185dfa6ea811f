"""What is half precision in an FP16 artifact, and what is not."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import pytest

from exporters.manifest import read_manifest
from exporters.onnx import fp16 as onnx_fp16
from exporters.onnx.graph import behind_mask, read_model

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


@pytest.mark.parametrize(("format", "quantized"), [("onnx-int8-tensorrt", 12), ("onnx-fp8", 16)])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("name", ["bert-qa", "distilbert-classes"])
def test_a_quantized_graph_in_half_precision(name, pooling, format, quantized, tmp_path, artifact, batches, run):
    """What tensorrt-int8 is built of: quantization nodes directly at the matmuls, in half precision; no new error."""
    parent = artifact(name, format, pooling)
    onnx_fp16.write(parent, tmp_path)
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
    graph = read_model(tmp_path).graph
    producers = {output: node for node in graph.node for output in node.output}
    matmuls = [node for node in graph.node if node.op_type == "MatMul"]
    restored = [[producers[value].op_type for value in node.input if value in producers] for node in matmuls]
    assert restored.count(["DequantizeLinear", "DequantizeLinear"]) == quantized
    assert not any("Cast" in kinds and "DequantizeLinear" in kinds for kinds in restored)
    exact = run(artifact(name, "onnx-fp32", pooling), batches)
    before, after = (errors(run(folder, batches), exact) for folder in (parent, tmp_path))
    for key in before:
        assert np.isfinite(after[key]).all()
        assert np.sqrt((after[key] ** 2).mean()) < 1.3 * np.sqrt((before[key] ** 2).mean())


def errors(found, exact):
    """All differences by output, over the batches."""
    differences = [{key: one[key] - other[key] for key in other} for one, other in zip(found, exact, strict=True)]
    return {key: np.concatenate([batch[key].ravel() for batch in differences]) for key in differences[0]}


def test_weights_take_half_the_room(artifact):
    sizes = {format: _weight_bytes(artifact("bert-qa", format)) for format in ("onnx-fp32", "onnx-fp16")}
    assert 0.45 < sizes["onnx-fp16"] / sizes["onnx-fp32"] < 0.56  # the LayerNorms' weights stay


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "format", ["onnx-fp32", "onnx-fused", "onnx-fp16", "onnx-int8-dynamic", "onnx-int8-static", "onnx-int4"]
)
def test_a_row_that_is_all_padding_is_finite(format, name, artifact, batches, run):
    """A batch filled up to a fixed size has such rows; -inf as the mask would make them NaN."""
    batch = {key: array.copy() for key, array in batches[0].items()}
    batch["attention_mask"][-1] = 0
    for pooling in ("cls", "mean"):
        (outputs,) = run(artifact(name, format, pooling), [batch])
        assert all(np.isfinite(array).all() for array in outputs.values())


def test_weights_out_of_range_are_counted_and_warned_of(tmp_path, artifact, checkpoints):
    """65,504 fits, 65,505 does not; the smallest that fits is 2^-24."""
    from safetensors.numpy import load_file, save_file

    from exporters.artifact import export

    spoilt = tmp_path / "checkpoint"
    shutil.copytree(checkpoints["bert-qa"], spoilt)
    weights = load_file(spoilt / "model.safetensors")
    name = "bert.encoder.layer.0.intermediate.dense.weight"
    weights[name] = weights[name].copy()
    weights[name][0, :6] = [65_504, 65_505, -1e6, 0, 2.0**-25, 2.0**-15]
    save_file(weights, spoilt / "model.safetensors", {"format": "pt"})
    for format, source in (("onnx-fp32", spoilt), ("onnx-fp16", tmp_path / "onnx-fp32")):
        (tmp_path / format).mkdir()
        manifest = export(format, source, tmp_path / format, task="question-answering", pooling="cls")
    before = read_manifest(artifact("bert-qa", "onnx-fp16"))
    assert manifest.rounding is not None and before.rounding is not None
    assert before.warnings == [] and before.rounding["overflow"] == 0
    counts = {key: manifest.rounding[key] - before.rounding[key] for key in manifest.rounding}
    assert counts["converted"] == 0
    assert (counts["overflow"], counts["underflow"]) == (2, 1)
    assert manifest.warnings == ["2 weights beyond 65,504 were clipped: this model does not fit half precision"]
    stored = onnx.numpy_helper.to_array(_weight_of(read_model(tmp_path / "onnx-fp16"), (32, 64)))
    assert stored.max() == 65_504 and stored.min() == -65_504


def _weight_of(model, shape):
    """The first layer's weight of this shape."""
    return next(weight for weight in model.graph.initializer if tuple(weight.dims) == shape)


def _weight_bytes(folder):
    return sum(weight.ByteSize() for weight in read_model(folder).graph.initializer)
