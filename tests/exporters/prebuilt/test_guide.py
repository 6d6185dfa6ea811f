"""The Python example of docs/prebuilt-artifacts.md runs beside a finished file, and its YAML is a study's."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from harness.config.models import Model

GUIDE = Path(__file__).parents[3] / "docs" / "prebuilt-artifacts.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_example_runs(tmp_path, monkeypatch, artifact, capsys):
    shutil.copytree(artifact("bert-qa", "onnx-int8-dynamic"), tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("python")
    exec(compile(block, str(GUIDE), "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("int8 weights, activations scaled at run time 2 ")
    assert printed[1:] == ["the output 'representation'", "[]"]


def test_the_models_are_models():
    (block,) = blocks("yaml")
    models = {name: Model.model_validate(entry) for name, entry in yaml.safe_load(block)["models"].items()}
    assert models["shipped"].artifact is not None and models["shipped"].checkpoint is None
