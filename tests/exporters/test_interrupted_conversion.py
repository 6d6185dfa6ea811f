"""A conversion killed half-way leaves nothing that is taken for an artifact."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from exporters.errors import ExportError
from exporters.export import export
from exporters.manifest import read_manifest

CONVERT = """
import sys, time
from pathlib import Path
import numpy as np
from exporters import sensitivity
from exporters.export import export

def wait(*_):
    print("half-way", flush=True)
    time.sleep(600)

sensitivity.measure = wait
words = np.random.default_rng(0).integers(5, 100, (2, 12))
batch = {"input_ids": words, "attention_mask": np.ones_like(words), "token_type_ids": np.zeros_like(words)}
export(
    "onnx-int8-static", Path(sys.argv[1]), Path(sys.argv[2]), task="question-answering", pooling="cls",
    calibration=[batch],
)
"""


def test_a_killed_conversion_is_no_artifact(tmp_path, artifact, batches):
    parent, folder = artifact("bert-qa", "onnx-fp32"), tmp_path / "int8"
    before = {path.name: path.read_bytes() for path in parent.iterdir()}
    folder.mkdir()
    command = [sys.executable, "-c", CONVERT, str(parent), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half-way\n"
        assert any(folder.iterdir())  # it had begun to write
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL

    with pytest.raises(ExportError, match=r"no manifest.json"):
        read_manifest(folder)
    assert not (folder / "model.onnx").exists()
    with pytest.raises(ExportError, match="not an empty folder"):
        export("onnx-int8-static", parent, folder, task="question-answering", pooling="cls", calibration=batches)
    assert {path.name: path.read_bytes() for path in parent.iterdir()} == before
