"""What of a file a runtime is too old for, or has no operator for, shows before it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from backends.registry import backend_class


def write(path: Path, *, ir_version: int = 8, opset: int = 17, domain: str = "", operator: str = "Relu") -> Path:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    node = helper.make_node(operator, ["x"], ["y"], "node", domain=domain)
    sets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    graph = helper.make_graph([node], "small", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=ir_version), str(path))
    return path


@pytest.mark.parametrize("backend", ["onnxruntime-cpu", "openvino-cpu", "torch-cpu"])
def test_an_ordinary_file(backend: str, tmp_path: Path) -> None:
    assert backend_class(backend).cannot_read(write(tmp_path / "model.onnx")) is None


@pytest.mark.parametrize(
    ("stamp", "said"),
    [({"ir_version": 99}, ("IR version 99", "max supported")), ({"opset": 40}, ("ai.onnx 40", "till"))],
)
def test_versions_beyond_the_runtimes(stamp: dict[str, Any], said: tuple[str, str], tmp_path: Path) -> None:
    reason = backend_class("onnxruntime-cpu").cannot_read(write(tmp_path / "model.onnx", **stamp)) or ""
    assert str(tmp_path / "model.onnx") in reason and all(words in reason for words in said)
    assert reason.endswith("use a newer onnxruntime") and "\n" not in reason


def test_an_operator_that_openvino_lacks(tmp_path: Path) -> None:
    file = write(tmp_path / "model.onnx", domain="com.example", operator="Sharpen")
    reason = backend_class("openvino-cpu").cannot_read(file) or ""
    assert "Sharpen" in reason and reason.endswith("use onnxruntime-cpu, or standard operators")
