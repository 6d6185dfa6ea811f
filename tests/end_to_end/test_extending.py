"""docs/extending.md: its file and its one line, put in place in a copy of the packages, run its study."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.driver import scalemodel

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "extending.md"
PACKAGES = ("backends", "benchmarks", "configs", "exporters", "harness")
REFERENCE, OPINION = "tiny/onnx-fp32@onnxruntime-cpu", "tiny/onnx-fp32@onnx-reference"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages with the guide's backend in them, and its study beside them."""
    root = tmp_path_factory.mktemp("extended")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    text = GUIDE.read_text(encoding="utf-8")
    file, line = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (study,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert line.count("\n") == 1
    (root / "backends" / "onnx_reference_backend.py").write_text(file)
    registry = root / "backends" / "registry.py"
    head = "BACKENDS: dict[str, str] = {\n"
    assert head in registry.read_text()
    registry.write_text(registry.read_text().replace(head, head + line))
    (root / "study.yaml").write_text(study)
    return root


def test_the_example_is_one_file_and_one_line(copy: Path) -> None:
    ours = {path.relative_to(ROOT): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    copied = {path.relative_to(copy): path for path in copy.rglob("*.py")}
    assert copied.keys() - ours.keys() == {Path("backends/onnx_reference_backend.py")}
    changed = [name for name, path in ours.items() if path.read_text() != copied[name].read_text()]
    assert changed == [Path("backends/registry.py")]


def test_it_is_listed_and_examined(copy: Path) -> None:
    assert "onnx-reference" in scalemodel("list", "backends", cwd=copy, PYTHONPATH=str(copy)).stdout.split()
    doctor = scalemodel("doctor", cwd=copy, PYTHONPATH=str(copy))
    assert re.search(r"onnx-reference +yes +onnx \d", doctor.stdout), doctor.stdout


def test_its_options_are_checked(copy: Path) -> None:
    override = "backend_options.onnx-reference={loud: 1}"
    refused = scalemodel("validate", "study.yaml", "--set", override, cwd=copy, PYTHONPATH=str(copy))
    assert refused.returncode == 2
    assert "onnx-reference has no option 'loud'; it has: verbose" in refused.stderr


def test_the_study_runs_on_it(copy: Path) -> None:
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", cwd=copy, PYTHONPATH=str(copy))
    assert done.returncode == 0, done.stderr
    (results,) = copy.glob("runs/*/results.json")
    deployments = json.loads(results.read_text())["tasks"]["text-classification"]["deployments"]
    assert deployments.keys() == {REFERENCE, OPINION, "tiny/onnx-int8-dynamic@onnxruntime-cpu"}
    entry = deployments[OPINION]
    assert entry["status"] == "ok" and entry["describe"]["provider"] == "NumPy"
    assert entry["describe"]["options"] == {"verbose": 0}
    assert entry["parity"]["largest_logit_difference"] < 1e-3
    assert entry["quality"] == deployments[REFERENCE]["quality"]
