"""TensorRT as far as it goes without a GPU: profiles, the inspector's JSON, and files that are no engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backends.errors import BackendError
from backends.registry import availability, serves
from backends.tensorrt_backend import choose_profile, engine_bytes
from backends.tensorrt_layers import layers_by_precision, products_by_precision

PROFILES = [
    [[1, 1], [1, 128], [1, 512]],
    [[1, 1], [64, 64], [64, 64]],
    [[1, 65], [32, 128], [32, 128]],
    [[1, 257], [8, 512], [8, 512]],
]


@pytest.mark.parametrize(
    ("rows", "length", "expected"),
    [
        (1, 7, (0, 1)),  # one request: its own profile, though others take it
        (1, 512, (0, 1)),
        (2, 7, (1, 64)),
        (64, 64, (1, 64)),
        (65, 64, (1, 64)),  # in two parts
        (10, 65, (2, 32)),
        (100, 300, (3, 8)),
        (3, 200, (0, 1)),  # no profile for batches of this length: one by one
    ],
)
def test_a_batch_runs_in_the_profile_with_the_fewest_calls(rows: int, length: int, expected: tuple[int, int]) -> None:
    assert choose_profile(PROFILES, rows, length) == expected


def test_too_many_tokens_are_refused() -> None:
    with pytest.raises(BackendError, match=r"513 tokens are more than the engine takes \(512\)"):
        choose_profile(PROFILES, 1, 513)


def layer(kind: str, given: str, made: str, **more: str) -> dict[str, object]:
    return {
        "Name": "/bert/encoder/layer.0",
        "LayerType": kind,
        "Inputs": [{"Name": "a", "Dimensions": [8, 128, 768], "Format/Datatype": given}],
        "Outputs": [{"Name": "b", "Dimensions": [8, 128, 768], "Format/Datatype": made}],
        **more,
    }


def test_the_inspectors_layers_are_counted_by_precision() -> None:
    information = json.dumps(
        {
            "Layers": [
                layer("gemm", "Row major Int8 format", "Half"),
                layer("CaskGemmMatrixMultiply", "Half", "Row major linear FP16 format"),
                layer("kgen", "Float", "Half"),
                layer("CaskConvolution", "Int8", "Int8", ParameterType="FullyConnected"),
                layer("gemm", "BFloat16", "BFloat16"),
                layer("NoOp", "Row major linear FP32", "Row major linear FP32"),
                {"Name": "no outputs", "LayerType": "Signal", "Inputs": [], "Outputs": []},
            ],
            "Bindings": ["input_ids", "logits"],
        }
    )
    assert layers_by_precision(information) == {"bf16": 1, "fp16": 3, "fp32": 1, "int8": 1}
    assert products_by_precision(information) == {"bf16": 1, "fp16": 1, "int8": 2}


def test_an_engine_without_detail_names_its_layers_only() -> None:
    information = json.dumps({"Layers": ["gemm_0 + bias", "softmax"], "Bindings": []})
    assert layers_by_precision(information) == products_by_precision(information) == {}


def test_what_is_no_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no model\.engine in .*tensorrt format"):
        engine_bytes(tmp_path)
    (tmp_path / "model.engine").write_bytes(b"PK\3\4 something else")
    with pytest.raises(BackendError, match=r"is no TensorRT engine \(19 bytes\); export it again"):
        engine_bytes(tmp_path)
    (tmp_path / "model.engine").write_bytes(b"ftrt" + bytes(40))
    assert len(engine_bytes(tmp_path)) == 44


def test_it_takes_engines_and_says_what_is_missing() -> None:
    assert serves("tensorrt", "tensorrt-int8") is None
    assert "use onnxruntime-cpu" in (serves("tensorrt", "onnx-fp16") or "")
    assert "use tensorrt" in (serves("onnxruntime-tensorrt", "tensorrt-fp16") or "")
    found = availability("tensorrt")
    if not found.available:
        assert found.reason and found.remedy
