"""A stand-in for CUDA's libraries, on which ONNX Runtime's own CUDA provider runs without a GPU: CONTRIBUTING.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STANDIN = Path(os.environ.get("SCALEMODEL_CUDA_STANDIN", ""))
"""The folder of the libraries, and of a module `pynvml` that poses likewise."""
WHEEL = Path(os.environ.get("SCALEMODEL_CUDA_WHEEL", ""))
"""The folder in which the wheel of onnxruntime-gpu is unpacked."""

needs_standin = pytest.mark.skipif(
    not (STANDIN.parts and WHEEL.parts), reason="SCALEMODEL_CUDA_STANDIN and SCALEMODEL_CUDA_WHEEL name no folders"
)


def on_standin(
    *arguments: str | Path, libraries: Path = STANDIN, seconds: float = 300, expected: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, in a process that finds the stand-in in ``libraries``, and the GPU wheel."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (libraries, WHEEL, Path.cwd()))),
            "LD_LIBRARY_PATH": str(libraries),
        },
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode in expected, done.stderr[-4000:]
    return done
