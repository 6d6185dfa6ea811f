"""What each deployment is held to before it is timed."""

from __future__ import annotations

import pytest

from exporters.formats import FORMATS
from harness.verification.tolerances import BFLOAT16, FIXED, FLOAT16, FLOAT32, PER_CALL, UNTRAINED, tolerance


@pytest.mark.parametrize(
    ("format", "backend", "options", "matmuls", "wanted"),
    [
        ("torch-fp32", "torch-cpu", None, None, FLOAT32),
        ("onnx-fp32", "onnxruntime-cpu", None, {"fp32": 33}, FLOAT32),
        ("onnx-fused", "onnxruntime-cuda", {"cuda_graphs": [[1, 128]]}, {"fp32": 33}, FLOAT32),
        ("tensorrt-fp32", "tensorrt", None, {"fp32": 33}, FLOAT32),
        ("onnx-fp32", "onnxruntime-tensorrt", None, None, FLOAT16),
        ("onnx-fp32", "onnxruntime-cuda", {"provider": {"use_tf32": 1}}, None, FLOAT16),
        ("onnx-fp32", "openvino-cpu", {"precision": "f16"}, None, FLOAT16),
        ("onnx-fp32", "openvino-cpu", None, {"bf16": 26}, BFLOAT16),
        ("onnx-fp16", "onnxruntime-cpu", None, {"fp32": 33}, FLOAT16),
        ("onnx-bf16", "openvino-cpu", None, {"fp32": 26}, BFLOAT16),
        ("onnx-int8-static", "openvino-cpu", None, {"int8": 24, "fp32": 1}, FIXED),
        ("tensorrt-int8", "tensorrt", None, {"int8": 24, "fp16": 3}, FIXED),
        ("onnx-fp8", "onnxruntime-cpu", None, {"fp32": 33}, FIXED),
        ("tensorrt-fp8", "tensorrt", None, {"fp8": 32, "fp16": 1}, FIXED),
        ("onnx-int8-dynamic", "openvino-cpu", None, {"fp32": 26}, PER_CALL),
        ("onnx-int4", "onnxruntime-cpu", None, None, PER_CALL),
    ],
)
def test_the_coarsest_of_format_and_backend_counts(format, backend, options, matmuls, wanted):
    assert tolerance(format, backend, options, matmuls) == wanted


def test_every_limit_refuses_a_constant():
    """Of which the root mean square difference is the spread itself."""
    found = {tolerance(format, "onnxruntime-cpu", None, None) for format in FORMATS}
    assert found == {FLOAT32, FLOAT16, BFLOAT16, FIXED, PER_CALL}
    assert all(entry.parity is not None and entry.parity < 1 and entry.why for entry in found)
    assert [entry.precision for entry in found if entry.moved is None] == ["quantized at run time"]


def test_random_weights_are_judged_in_every_format_but_one():
    unjudged = [
        format for format in FORMATS if tolerance(format, "onnxruntime-cpu", None, None, trained=False).parity is None
    ]
    assert unjudged == ["onnx-int4"]
    assert tolerance("onnx-int4", "onnxruntime-cpu", None, None, trained=False) == UNTRAINED
