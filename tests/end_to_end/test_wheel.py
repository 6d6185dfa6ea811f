"""The wheel, in an environment of its own: the command, the studies that ship and the demo data are all in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.end_to_end.hostile import lay_traps

ROOT = Path(__file__).parents[2]
PACKAGES = ("harness", "exporters", "backends", "benchmarks", "configs")
DATA = {".json", ".safetensors", ".txt", ".yaml"}

STUDY = """
study: from-a-wheel
formats: [onnx-fp32]
performance: null
tasks:
  text-classification:
    reference: tiny
    labels: [negative, positive]
    models: {tiny: {checkpoint: {embedded: tiny}}}
    data:
      train: {embedded: train, size: 40}
      evaluation: {embedded: evaluation, size: 40}
    verification_examples: 8
    execution_floor: false
    characteristics: {bootstrap: 100, representation: {k: [5]}}
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with the wheel; what it depends on is that of these tests, which has no say over what is scalemodel's."""
    root = tmp_path_factory.mktemp("wheel")
    source, built, environment = root / "source", root / "built", root / "environment"
    source.mkdir()
    for name in PACKAGES:  # a copy: a build leaves files in its source
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    isolated = ("--no-deps", "--no-index")
    subprocess.run([*pip, "wheel", *isolated, "--no-build-isolation", "-w", built, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (wheel,) = built.glob("scalemodel-*.whl")
    python = environment / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", *isolated, wheel], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study, far from the sources, and modules that must not be imported."""
    root = tmp_path_factory.mktemp("elsewhere")
    (root / "here").mkdir()
    lay_traps(root / "here", marker=root / "sprung")
    (root / "here" / "mine.yaml").write_text(STUDY)
    return root


def said(environment: Path, folder: Path, *arguments: str) -> str:
    """What the wheel's own command says; nothing of the current folder was imported."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = environment / "bin" / "scalemodel"
    done = subprocess.run([command, *arguments], cwd=folder / "here", env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (folder / "sprung").exists()
    return done.stdout


@pytest.mark.nightly
def test_it_is_the_wheel_that_runs(environment: Path) -> None:
    program = f"import {', '.join(PACKAGES)}; print(*{{p.__path__[0] for p in ({', '.join(PACKAGES)})}}, sep='\\n')"
    found = subprocess.run(
        [environment / "bin" / "python", "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert {Path(line).name for line in found.stdout.splitlines()} == set(PACKAGES)
    assert all(Path(line).is_relative_to(environment) for line in found.stdout.splitlines())


@pytest.mark.nightly
def test_every_file_of_data_is_in_it(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    data = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.suffix in DATA]
    assert len(data) > 20
    assert [path for path in data if not (packages / path.relative_to(ROOT)).is_file()] == []


@pytest.mark.nightly
def test_the_studies_that_ship(environment: Path, folder: Path) -> None:
    listed = said(environment, folder, "list", "configs")
    assert [line.split()[0] for line in listed.splitlines()] == sorted(
        path.relative_to(ROOT / "configs").with_suffix("").as_posix() for path in ROOT.glob("configs/**/*.yaml")
    )
    assert "quickstart.yaml: valid" in said(environment, folder, "validate", "quickstart")
    assert "checkpoint: {embedded: reference}" in said(environment, folder, "list", "models")


@pytest.mark.nightly
def test_a_run_on_the_demo_data(environment: Path, folder: Path) -> None:
    assert "scalemodel from-a-wheel: " in said(environment, folder, "run", "mine.yaml", "--quiet")
    assert len(list(folder.glob("here/runs/*/results.json"))) == 1
