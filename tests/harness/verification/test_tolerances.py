"""What each deployment is held to before it is timed."""

from __future__ import annotations

import pytest

from exporters.formats import FORMATS
from harness.verification.tolerances import BFLOAT16, FIXED, FLOAT16, FLOAT32, PER_CALL, UNTRAINED, tolerance


@pytest.mark.parametrize(
    ("format", "options", "matmuls", "wanted"),
    [
        ("torch-fp32", None, None, FLOAT32),
        ("onnx-fp32", None, {"fp32": 33}, FLOAT32),
        ("onnx-fused", {"cuda_graphs": [[1, 128]]}, {"fp32": 33}, FLOAT32),
        ("onnx-fp32", {"cuda_graphs": [], "provider": {}}, {"fp32": 33}, FLOAT32),  # as a step has them, with defaults
        ("tensorrt-fp32", None, {"fp32": 33}, FLOAT32),
        ("onnx-fp32", None, None, FLOAT32),  # under TensorRT too, whose TF32 is off
        ("onnx-fp32", {"provider": {"use_tf32": 1}}, None, FLOAT16),
        ("onnx-fp32", {"precision": "f16"}, None, FLOAT16),
        ("onnx-fp32", None, {"bf16": 26}, BFLOAT16),
        ("onnx-fp16", None, {"fp32": 33}, FLOAT16),
        ("onnx-bf16", None, {"fp32": 26}, BFLOAT16),
        ("onnx-int8-static", None, {"int8": 24, "fp32": 1}, FIXED),
        ("tensorrt-int8", None, {"int8": 24, "fp16": 3}, FIXED),
        ("onnx-fp8", None, {"fp32": 33}, FIXED),
        ("tensorrt-fp8", None, {"fp8": 32, "fp16": 1}, FIXED),
        ("onnx-int8-dynamic", None, {"fp32": 26}, PER_CALL),
        ("onnx-int4", None, None, PER_CALL),
    ],
)
def test_the_coarsest_of_format_and_options_counts(format, options, matmuls, wanted):
    assert tolerance(format, options, matmuls) == wanted


def test_every_limit_refuses_a_constant():
    """Of which the root mean square difference is the spread itself."""
    found = {tolerance(format, None, None) for format in FORMATS}
    assert found == {FLOAT32, FLOAT16, BFLOAT16, FIXED, PER_CALL}
    assert all(entry.parity is not None and entry.parity < 1 and entry.why for entry in found)
    assert [entry.precision for entry in found if entry.moved is None] == ["quantized at run time"]


def test_random_weights_are_judged_in_every_format_but_one():
    unjudged = [format for format in FORMATS if tolerance(format, None, None, trained=False).parity is None]
    assert unjudged == ["onnx-int4"]
    assert tolerance("onnx-int4", None, None, trained=False) == UNTRAINED


@pytest.mark.parametrize(
    ("format", "remedy"),
    [
        ("onnx-int8-static", "calibrate it"),
        ("onnx-int8-dynamic", "use another format"),  # nothing of it is calibrated
        ("onnx-int4", "use another format"),
        ("onnx-fp32", "export the checkpoint again"),
    ],
)
def test_the_way_out_is_one_that_the_format_has(format, remedy):
    assert tolerance(format, None, None).remedy.startswith(remedy)
