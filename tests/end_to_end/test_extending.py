"""docs/extending.md: its files and lines, put in place in a copy of the packages, run its study."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.driver import started

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "extending.md"
PACKAGES = ("backends", "benchmarks", "configs", "exporters", "harness")
REFERENCE, OPINION = "tiny/onnx-fp32@onnxruntime-cpu", "tiny/onnx-fp32@onnx-reference"
ROUNDED = "tiny/onnx-int8-weights@onnxruntime-cpu"

NEW_FILES = (
    "backends/onnx_reference_backend.py",
    "exporters/quantization/int8_weights.py",
    "benchmarks/characteristics/confidence_shift.py",
    "harness/steps/compare_confidence_shift.py",
    "harness/report/sections/confidence_shift.py",
    "harness/tasks/opening_classification.py",
)
LINES = (
    ("backends/registry.py", '    "onnxruntime-cpu": '),
    ("exporters/formats.py", "from exporters.tensorrt import formats as tensorrt"),
    ("exporters/formats.py", "        int8_static.FORMAT,"),
    ("harness/steps/registry.py", '    "compare_explanation",'),
    ("harness/results/schema.py", "from benchmarks.characteristics.data_distribution import"),
    ("harness/results/schema.py", "    explanation: ExplanationAgreement | None"),
    ("harness/report/sections/characteristics.py", "from benchmarks.characteristics.data_distribution import"),
    ("harness/report/sections/characteristics.py", "from harness.report.sections.data_distribution import"),
    ("harness/report/sections/characteristics.py", "    Affected: CharacteristicSection("),
    ("harness/config/task_registry.py", '    "text-classification": '),
)
"""Where the page's other blocks go, in its order: a file, and the lines that they stand before."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages with the guide's files and lines in them, and its study beside them."""
    root = tmp_path_factory.mktemp("extended")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    text = GUIDE.read_text(encoding="utf-8")
    whole = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    lines = [
        block.removeprefix("+").replace("\n+", "\n")
        for block in re.findall(r"```diff\n(.*?)```", text, flags=re.DOTALL)
    ]
    (study,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    for name, block in zip(NEW_FILES, whole, strict=True):
        assert f"`{name}`:\n\n```python\n{block}" in text
        (root / name).write_text(block)
    for (name, place), block in zip(LINES, lines, strict=True):
        file = root / name
        before, found, after = file.read_text().partition(place)
        assert found, place
        line = found.lstrip("\n")
        file.write_text(before + found.removesuffix(line) + block + line + after)
    (root / "study.yaml").write_text(study)
    return root


def test_the_examples_are_a_file_and_an_entry_each(copy: Path) -> None:
    ours = {path.relative_to(ROOT): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    copied = {path.relative_to(copy): path for path in copy.rglob("*.py")}
    assert copied.keys() - ours.keys() == set(map(Path, NEW_FILES))
    changed = {str(name) for name, path in ours.items() if path.read_text() != copied[name].read_text()}
    assert changed == {name for name, _ in LINES}


def test_they_are_listed_and_examined(copy: Path) -> None:
    for what, name in (("backends", "onnx-reference"), ("formats", "onnx-int8-weights")):
        assert name in started("list", what, cwd=copy, PYTHONPATH=str(copy)).stdout.split()
    doctor = started("doctor", cwd=copy, PYTHONPATH=str(copy))
    assert re.search(r"onnx-reference +yes +onnx \d", doctor.stdout), doctor.stdout


def test_options_of_the_backend_are_checked(copy: Path) -> None:
    override = "backend_options.onnx-reference={loud: 1}"
    refused = started("validate", "study.yaml", "--set", override, cwd=copy, PYTHONPATH=str(copy))
    assert refused.returncode == 2
    assert "onnx-reference has no option 'loud'; it has: verbose" in refused.stderr


@pytest.mark.slow
def test_the_study_runs_on_them(copy: Path, exported: Path) -> None:
    shutil.copytree(exported, copy / "runs")
    done = started("run", "study.yaml", "--store", "runs", "--quiet", cwd=copy, PYTHONPATH=str(copy))
    assert done.returncode == 0, done.stderr
    (results,) = copy.glob("runs/*/results.json")
    tasks = json.loads(results.read_text())["tasks"]
    deployments = tasks["text-classification"]["deployments"]
    assert deployments.keys() == {REFERENCE, OPINION, ROUNDED}
    entry = deployments[OPINION]
    assert entry["status"] == "ok" and entry["runtime"]["provider"] == "NumPy"
    assert entry["runtime"]["options"] == {"verbose": 0}
    assert entry["verification"]["parity"]["largest_logit_difference"] < 1e-3
    assert entry["quality"] == deployments[REFERENCE]["quality"]
    rounded = deployments[ROUNDED]
    assert rounded["status"] == "ok" and rounded["artifact"]["precision"] == "int8 weights, the rest fp32"
    assert 1e-5 < rounded["verification"]["parity"]["largest_logit_difference"] < 1
    assert tasks.keys() == {"text-classification", "opening-classification"}
    for task in tasks.values():
        shifts = task["characteristics"]["confidence_shift"]["shifts"]
        assert shifts.keys() == {OPINION, ROUNDED} and shifts[OPINION]["value"] < 1e-4 < shifts[ROUNDED]["value"] < 1
    told = {name: task["data"]["evaluation"]["mean_tokens"] for name, task in tasks.items()}
    assert told["opening-classification"] < told["text-classification"]
    report = started("report", str(results.parent), "--format", "markdown", cwd=copy, PYTHONPATH=str(copy)).stdout
    assert report.count("Is it as sure as the reference?") == 2 and "20 openings" in report
