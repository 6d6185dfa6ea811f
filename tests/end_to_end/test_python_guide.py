"""docs/python.md: its blocks run from top to bottom, and the packages offer what it lists."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import benchmarks
from harness.results.schema import CharacteristicResults

GUIDE = Path(__file__).parents[2] / "docs" / "python.md"
TEXT = GUIDE.read_text(encoding="utf-8")
PACKAGES = ("harness", "exporters", "backends", "benchmarks")


@pytest.mark.slow
def test_the_blocks_run(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(exported, tmp_path / "runs")
    (study,) = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    (tmp_path / "study.yaml").write_text(study)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    printed = []
    for block in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL):
        exec(compile(block, str(GUIDE), "exec"), names)
        printed.append(capsys.readouterr().out.splitlines())
    report, typed, loaded, tidy, parts, compared = printed
    assert report[0].startswith("#") and "Prediction errors" in "\n".join(report)  # and nothing before: nothing failed
    assert 0 < float(typed[0]) < 1 and len(typed) > 2 and typed[-1] == "{}"
    assert loaded[0].split() == ["a", "b", "jaccard.value", "kappa.value"]
    assert "prediction" in "\n".join(loaded[1:])
    assert tidy[0].split() == ["figure", "score", "file-size"] and any("int8-dynamic" in line for line in tidy)
    assert "'onnx-int8-dynamic'" in parts[0] and "int8" in parts[1]
    assert 0 < float(compared[0]) <= 1 and compared[1].startswith("Estimate(value=")

    duckdb = pytest.importorskip("duckdb")
    for block in re.findall(r"```sql\n(.*?)```", TEXT, flags=re.DOTALL):
        for query in filter(str.strip, block.split(";")):
            assert duckdb.sql(query).fetchall(), query


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_offers_what_the_page_lists(package: str) -> None:
    (row,) = re.findall(rf"^\| `{package}` \| (.*) \|$", TEXT, flags=re.MULTILINE)
    module = import_module(package)
    assert sorted(re.findall(r"`(\w+)`", row)) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = module.nothing


def test_every_characteristic_is_offered() -> None:
    of_slices = {"affected"}  # by search_slices and find_exemplars
    names = CharacteristicResults.model_fields.keys() - of_slices
    assert {f"compare_{name}" for name in names} <= set(benchmarks.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_alone_loads_nothing(package: str) -> None:
    look = f"import sys, {package}; print(*{{'numpy', 'pydantic', 'typing'}} & sys.modules.keys())"
    root = GUIDE.parents[1]
    done = subprocess.run([sys.executable, "-S", "-c", look], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == ""
