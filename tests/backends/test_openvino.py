from __future__ import annotations

from pathlib import Path

import pytest

from backends.registry import availability, open_backend

if not availability("openvino-cpu").available:
    pytest.skip("no openvino", allow_module_level=True)


def test_runs_in_fp32_and_says_so(onnx_artifact: Path, task: str) -> None:
    with open_backend("openvino-cpu", onnx_artifact, format="onnx-fp32", task=task, threads=1) as backend:
        description = backend.describe()
    assert description["precision_hint"] == "f32"
    assert "bf16" not in description["runtime_precisions"]
    assert description["runtime_precisions"]["f32"] > 10
    assert description["nodes"] == {"CPU": sum(description["kernels"]["CPU"].values())}
