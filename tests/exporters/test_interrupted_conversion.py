"""A conversion killed or interrupted half-way leaves nothing in its destination, and the next call succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from exporters.artifact import export
from exporters.errors import ExportError
from exporters.manifest import read_manifest, verify_files

CONVERT = """
import signal, sys, time
from pathlib import Path
import numpy as np
from exporters.quantization import sensitivity
from exporters.artifact import export

def wait(*_):
    print("half-way", flush=True)
    time.sleep(600)

sensitivity.measure = wait
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
words = np.random.default_rng(0).integers(5, 100, (2, 12))
batch = {"input_ids": words, "attention_mask": np.ones_like(words), "token_type_ids": np.zeros_like(words)}
export(
    "onnx-int8-static", Path(sys.argv[1]), Path(sys.argv[2]), task="question-answering", pooling="cls",
    calibration=[batch],
)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_conversion_can_be_repeated(tmp_path, artifact, batches, how):
    parent, folder = artifact("bert-qa", "onnx-fp32"), tmp_path / "int8 [1]"
    before = {path.name: path.read_bytes() for path in parent.iterdir()}
    folder.mkdir()
    command = [sys.executable, "-c", CONVERT, str(parent), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half-way\n"
        assert len(list(tmp_path.iterdir())) == 2  # it had begun to write
        # A second export there leaves alone what a living process writes.
        export("onnx-fp16", parent, other := _folder(tmp_path / "fp16"), task="question-answering", pooling="cls")
        with pytest.raises(ExportError, match="needs calibration"):
            export("onnx-int8-static", parent, folder, task="question-answering", pooling="cls")
        assert len(list(tmp_path.iterdir())) == 3
        os.kill(process.pid, how)
    assert process.returncode == -how

    assert not list(folder.iterdir())
    assert len(list(tmp_path.iterdir())) == (3 if how == signal.SIGKILL else 2)  # only a kill leaves its scratch
    export("onnx-int8-static", parent, folder, task="question-answering", pooling="cls", calibration=batches)
    verify_files(folder, read_manifest(folder))
    assert sorted(tmp_path.iterdir()) == [other, folder]  # nothing beside it
    assert {path.name: path.read_bytes() for path in parent.iterdir()} == before


def _folder(path):
    path.mkdir()
    return path
