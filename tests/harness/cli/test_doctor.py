"""`doctor`: versions that libraries tell of themselves, and packages that do not go together."""

from __future__ import annotations

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
    assert list(found) == ["CUDA", "cuDNN", "TensorRT"]
    assert all(version is None or version[0].isdigit() for version in found.values())


def test_packages_that_do_not_go_together() -> None:
    assert advice({"onnxruntime": "1.31.1"}) == []
    assert "uninstall both" in advice({"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.31.1"})[0]
    old, lone = sorted(advice({"tensorrt": "8.6.1"}))
    assert "8.6.1 is too old" in old or "8.6.1 is too old" in lone
    assert advice({"tensorrt": "11.4.1.6", "polygraphy": "0.53.6"}) == []


def test_every_backend_has_a_verdict() -> None:
    done = started("doctor", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    for name in BACKENDS:
        assert lines[name].split()[1] in ("yes", "no")
    assert {"CUDA", "cuDNN", "TensorRT", "packages"} <= lines.keys()
