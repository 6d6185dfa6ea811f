"""What each deployment is held to before it is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.registry import backend_class
from exporters.formats import FORMATS
from harness.verification.tolerances import BFLOAT16, FIXED, FLOAT16, FLOAT32, PER_CALL, UNTRAINED, tolerance


@pytest.mark.parametrize(
    ("format", "computed_in", "wanted"),
    [
        ("torch-fp32", (), FLOAT32),
        ("onnx-fp32", ["fp32"], FLOAT32),
        ("onnx-fused", ["fp32"], FLOAT32),
        ("tensorrt-fp32", ["fp32"], FLOAT32),
        ("onnx-fp32", (), FLOAT32),  # under TensorRT too, whose TF32 is off
        ("onnx-fp32", ["fp16"], FLOAT16),
        ("onnx-fp32", ["bf16"], BFLOAT16),
        ("onnx-fp16", ["fp32"], FLOAT16),
        ("onnx-bf16", ["fp32"], BFLOAT16),
        ("onnx-int8-static", ["int8", "fp32"], FIXED),
        ("tensorrt-int8", ["int8", "fp16"], FIXED),
        ("onnx-fp8", ["fp32"], FIXED),
        ("tensorrt-fp8", ["fp8", "fp16"], FIXED),
        ("onnx-int8-dynamic", ["fp32"], PER_CALL),
        ("onnx-int4", (), PER_CALL),
    ],
)
def test_the_coarsest_of_format_and_arithmetic_counts(format, computed_in, wanted):
    assert tolerance(format, computed_in) == wanted


@pytest.mark.parametrize(
    ("backend", "options", "lowest"),
    [
        ("onnxruntime-cpu", {"spinning": False}, None),
        ("onnxruntime-cuda", {"cuda_graphs": [], "provider": {}}, None),
        ("onnxruntime-cuda", {"provider": {"use_tf32": 1}}, "fp16"),
        ("onnxruntime-tensorrt", {"provider": {"trt_fp16_enable": True}}, "fp16"),
        ("openvino-cpu", {}, None),
        ("openvino-cpu", {"precision": "bf16"}, "bf16"),
        ("openvino-cpu", {"precision": "f16"}, "fp16"),
    ],
)
def test_options_may_allow_less_than_the_file_says(backend, options, lowest):
    opened = backend_class(backend)(Path(), format="onnx-fp32", task="text-classification", options=options)
    assert opened.lowest_precision == lowest


def test_every_limit_refuses_a_constant():
    """Of which the root mean square difference is the spread itself."""
    found = {tolerance(format) for format in FORMATS}
    assert found == {FLOAT32, FLOAT16, BFLOAT16, FIXED, PER_CALL}
    assert all(entry.parity is not None and entry.parity < 1 and entry.why for entry in found)
    assert [entry.precision for entry in found if entry.moved is None] == ["quantized at run time"]


def test_random_weights_are_judged_in_every_format_but_one():
    unjudged = [format for format in FORMATS if tolerance(format, trained=False).parity is None]
    assert unjudged == ["onnx-int4"]
    assert tolerance("onnx-int4", trained=False) == UNTRAINED


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
    assert tolerance(format).remedy.startswith(remedy)
