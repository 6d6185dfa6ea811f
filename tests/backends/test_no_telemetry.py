"""Runtimes tell nobody of their use, also where a notebook imports one package alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def said_by(program: str, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=inherited | environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("package", ["backends", "exporters", "benchmarks"])
def test_that_of_onnx_runtime_is_off_before_it_is_imported(package: str) -> None:
    program = f"import os, sys, {package}; print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    assert said_by(program) == "1 False\n"
    assert said_by(program, ORT_DISABLE_TELEMETRY="0") == "0 False\n"  # a person's own choice stands


def test_that_of_openvino_is_its_stub() -> None:
    pytest.importorskip("openvino")
    program = (
        "from backends.registry import availability\n"
        "assert availability('openvino-cpu').available\n"
        "from openvino.tools import ovc\n"
        "print(type(ovc.telemetry).__module__)"
    )
    assert said_by(program) == "openvino.tools.ovc.telemetry_stub\n"
