"""`doctor`: versions that libraries tell of themselves, and packages that do not go together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backends.host import nvidia
from backends.registry import BACKENDS
from harness.cli.doctor import advice
from tests.end_to_end.driver import started


@pytest.mark.parametrize(
    ("number", "units", "version"),
    [
        (13000, (1000, 10), "13.0"),
        (12080, (1000, 10), "12.8"),
        (91002, (10000, 100, 1), "9.10.2"),
        (8907, (1000, 100, 1), "8.9.7"),
        (110401, (10000, 100, 1), "11.4.1"),
    ],
)
def test_packed_versions(number: int, units: tuple[int, ...], version: str) -> None:
    assert nvidia.dotted(number, *units) == version


def test_libraries_that_are_not_there_are_none() -> None:
    found = nvidia.libraries()
    assert list(found) == ["CUDA", "cuDNN", "TensorRT 10", "TensorRT 11"]
    assert all(version is None or version[0].isdigit() for version in found.values())


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc, which makes a library of CUDA's name")
def test_a_library_in_a_python_package_is_found(tmp_path: Path) -> None:
    """As pip installs CUDA 13: of ``nvidia/cu13/lib`` the loader knows nothing. A name that no system has."""
    library = tmp_path / "nvidia" / "cu13" / "lib" / "libscalemodel-cudart.so.13"
    library.parent.mkdir(parents=True)
    (tmp_path / "cudart.c").write_text("int cudaRuntimeGetVersion(int *v) { return 0; }")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "cudart.c"], check=True)
    code = f"from backends.host import nvidia; print(nvidia._library('none', {library.name!r})._name)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())]), "LD_LIBRARY_PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(library)


def test_packages_that_do_not_go_together() -> None:
    assert advice({"onnxruntime": "1.31.1"}) == []
    assert "uninstall both" in advice({"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.31.1"})[0]
    old, lone = sorted(advice({"tensorrt": "8.6.1"}))
    assert "8.6.1 is too old" in old or "8.6.1 is too old" in lone
    assert advice({"tensorrt": "11.4.1.6", "polygraphy": "0.53.6"}) == []
    assert "without polygraphy" in advice({"tensorrt-cu13": "10.13.3.9"})[0]


def test_every_backend_has_a_verdict() -> None:
    done = started("doctor", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    for name in BACKENDS:
        assert lines[name].split()[1] in ("yes", "no")
    assert "packages" in lines
    libraries = {"CUDA", "cuDNN", "TensorRT"}  # beside a driver alone: a package's CUDA makes no GPU
    assert libraries & lines.keys() == (libraries if nvidia.driver_version() else set())
