"""ONNX Runtime's own operators on OpenVINO: each that is taken says what ONNX Runtime says; the others are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from backends.openvino_operators import SAME, computed_otherwise
from backends.registry import availability

if not availability("openvino-cpu").available:
    pytest.skip("no openvino", allow_module_level=True)

RANDOM = np.random.default_rng(0)
Inputs = dict[str, NDArray[Any]]


def normal(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(size=shape).astype(np.float32)


def integers(kind: str, least: int, most: int, *shape: int) -> NDArray[Any]:
    return RANDOM.integers(least, most, shape).astype(kind)


# Two texts of five tokens, the second with two of padding; hidden states of eight numbers.
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)
LENGTHS = np.array([5, 3], np.int32)
STATES, OTHERS, SCALE, SHIFT, BIAS = normal(2, 5, 8), normal(2, 5, 8), normal(8), normal(8), normal(8)
FACTORS = {"x": normal(5, 8), "w": normal(8, 6), "c": normal(6)}
ATTENTION = {"x": STATES, "w": normal(8, 24), "b": normal(24)}
HEADS = {"q": normal(2, 5, 8), "k": normal(2, 5, 8), "v": normal(2, 5, 8)}
TABLES = {"words": normal(20, 8), "places": normal(10, 8), "types": normal(2, 8), "scale": SCALE, "shift": SHIFT}
IDS = {"ids": integers("int32", 0, 20, 2, 5), "segments": integers("int32", 0, 2, 2, 5)}
ANGLES: Inputs = {"x": STATES, "at": np.tile(np.arange(5), (2, 1)), "cos": normal(10, 2), "sin": normal(10, 2)}
BLOCKS = {"x": normal(2, 5, 64), "w": integers("uint8", 0, 250, 6, 2, 16), "s": abs(normal(12)) * 0.1}
NOTHING = np.empty(0)  # an input that is left out

TAKEN: list[tuple[str, Inputs, dict[str, Any]]] = [
    ("FusedGemm", FACTORS, {"activation": "Relu", "alpha": 0.5, "beta": 2.0}),
    ("FusedGemm", FACTORS, {"activation": "LeakyRelu", "activation_alpha": 0.3}),
    ("FusedMatMul", {"a": normal(2, 4, 5), "b": normal(2, 5, 6)}, {"alpha": 0.3}),
    ("FusedMatMul", {"a": normal(2, 5, 4), "b": normal(2, 6, 5)}, {"transA": 1, "transB": 1}),
    ("Gelu", {"x": STATES}, {}),
    ("BiasGelu", {"x": STATES, "b": BIAS}, {}),
    ("FastGelu", {"x": STATES, "b": BIAS}, {}),
    ("QuickGelu", {"x": STATES}, {"alpha": 0.7}),
    ("SkipLayerNormalization", {"x": STATES, "skip": OTHERS, "scale": SCALE, "shift": SHIFT, "b": BIAS}, {}),
    ("SkipLayerNormalization", {"x": STATES, "skip": OTHERS, "scale": SCALE, "shift": SHIFT}, {"epsilon": 0.5}),
    ("SkipSimplifiedLayerNormalization", {"x": STATES, "skip": OTHERS, "scale": SCALE, "b": BIAS}, {"epsilon": 0.1}),
    ("EmbedLayerNormalization", {**IDS, **TABLES, "mask": MASK}, {"epsilon": 0.1}),
    ("EmbedLayerNormalization", {**IDS, **TABLES, "mask": NOTHING, "at": IDS["ids"] % 9}, {"epsilon": 0.1}),
    ("Attention", {**ATTENTION, "mask": MASK}, {"num_heads": 2}),
    ("Attention", {**ATTENTION, "mask": LENGTHS}, {"num_heads": 2, "mask_filter_value": -3.4e38}),
    ("Attention", ATTENTION, {"num_heads": 2, "unidirectional": 1}),
    ("MultiHeadAttention", {**HEADS, "b": normal(24), "mask": MASK}, {"num_heads": 2, "scale": 0.2}),
    ("MultiHeadAttention", {**HEADS, "b": normal(24), "mask": LENGTHS}, {"num_heads": 2, "mask_filter_value": -1.0}),
    ("MatMulNBits", BLOCKS, {"K": 64, "N": 6, "bits": 4, "block_size": 32}),
    ("RotaryEmbedding", ANGLES, {"num_heads": 2, "interleaved": 1}),
]

QUANTIZED = {"x": integers("uint8", 0, 250, 2, 5, 8), "w": integers("int8", -120, 120, 8, 6)}
REFUSED: list[tuple[str, Inputs, dict[str, Any], str]] = [
    ("FusedGemm", FACTORS, {"activation": "Tanh"}, "FusedGemm with Tanh"),
    ("FusedGemm", FACTORS, {"activation": "Sigmoid"}, "FusedGemm with Sigmoid"),
    ("Attention", {**ATTENTION, "mask": MASK}, {"num_heads": 2, "scale": 0.2}, "Attention with a scale"),
    ("Attention", {**ATTENTION, "mask": MASK}, {"num_heads": 2, "mask_filter_value": -1.0}, "a mask_filter_value"),
    ("DynamicQuantizeMatMul", {"x": STATES, "w": QUANTIZED["w"]}, {}, "DynamicQuantizeMatMul"),
    ("MatMulIntegerToFloat", QUANTIZED, {}, "MatMulIntegerToFloat"),
    ("NeverHeardOf", {"x": STATES}, {}, "NeverHeardOf"),
]


def graph_of(operator: str, inputs: Inputs, attributes: dict[str, Any]) -> onnx.ModelProto:
    """The operator alone. All but the first input are weights, as in a model."""
    (first, data), *rest = inputs.items()
    given = [name if array is not NOTHING else "" for name, array in inputs.items()]
    outputs = ["y", "mask index"] if operator == "EmbedLayerNormalization" else ["y"]
    graph = helper.make_graph(
        [helper.make_node(operator, given, outputs, domain="com.microsoft", **attributes)],
        "operator",
        [helper.make_tensor_value_info(first, helper.np_dtype_to_tensor_dtype(data.dtype), [None] * data.ndim)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in rest if array is not NOTHING],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def named(model: onnx.ModelProto, folder: Path) -> list[str]:
    onnx.save(model, str(folder / "model.onnx"))
    return computed_otherwise(folder / "model.onnx")


@pytest.mark.parametrize(("operator", "inputs", "attributes"), TAKEN)
def test_what_is_taken_is_the_same(operator: str, inputs: Inputs, attributes: dict[str, Any], tmp_path: Path) -> None:
    import onnxruntime
    import openvino

    model = graph_of(operator, inputs, attributes)
    assert named(model, tmp_path) == []
    first, data = next(iter(inputs.items()))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (expected,) = session.run(["y"], {first: data})
    core = openvino.Core()
    read = core.read_model(str(tmp_path / "model.onnx"))
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled({first: data})[compiled.output("y")], expected, atol=1e-5, rtol=1e-5)


def test_nothing_is_taken_that_was_not_measured() -> None:
    assert {operator for operator, _, _ in TAKEN} == SAME


@pytest.mark.parametrize(("operator", "inputs", "attributes", "name"), REFUSED)
def test_what_is_not_the_same_is_named(
    operator: str, inputs: Inputs, attributes: dict[str, Any], name: str, tmp_path: Path
) -> None:
    (found,) = named(graph_of(operator, inputs, attributes), tmp_path)
    assert name in found
