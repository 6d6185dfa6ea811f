"""docs/ci.md: its policy is one, its figures are those that there are, and every command in it runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from harness.config.figures import FIGURES
from harness.config.load import load_study

pytestmark = pytest.mark.slow

GUIDE = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
COMMANDS = [line for kind, block in BLOCKS if not kind for line in block.splitlines()]
SNIPPETS = [yaml.safe_load(block) for kind, block in BLOCKS if kind == "yaml"]
POLICY, GATE, GITHUB, GITLAB = SNIPPETS


@pytest.fixture(scope="module")
def folder(store: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a pipeline works: the study, the page's policy, and a store that has what the run needs."""
    folder = tmp_path_factory.mktemp("pipeline")
    shutil.copytree(store, folder / "runs", symlinks=True)
    shutil.copy(config, folder / "small.yaml")
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    return folder


def run(folder: Path, line: str) -> int:
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    summary = str(folder / "summary.md")
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", line],
        cwd=folder,
        env={**os.environ, "PATH": path, "GITHUB_STEP_SUMMARY": summary},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 4, 5), f"{line}: {done.stderr}"
    return done.returncode


def test_every_command_runs(folder: Path) -> None:
    (folder / "first").mkdir()
    for line in COMMANDS:
        # the policy of the page stays what the later commands take
        run(folder, line.replace("> policy.yaml", "> first/policy.yaml"))
    assert run(folder, "scalemodel check small --policy first/policy.yaml") in (0, 5)
    assert all((folder / name).exists() for name in ("gate.xml", "gate.md", "figures.json", "baseline.json"))


def test_the_figures_are_those_that_there_are() -> None:
    rows = [line.split("|")[1:-1] for line in GUIDE.splitlines() if re.match(r"\| `[a-z0-9-]+", line)]
    told = {}
    for names, _, unit, better, against in ([cell.strip() for cell in row] for row in rows if len(row) == 5):
        for name in re.findall(r"`([^`]+)`", names):
            told[name.partition(" of ")[0]] = (unit, better, against)
    assert told == {figure.name: (figure.unit, figure.better, ", ".join(figure.bases)) for figure in FIGURES.values()}


def test_a_study_takes_the_gate(folder: Path) -> None:
    study = folder / "gated.yaml"
    study.write_text((folder / "small.yaml").read_text() + yaml.safe_dump(GATE))
    gate = load_study(study).gate
    assert gate is not None and len(gate.rules) == len(POLICY["rules"])


def commands_of(steps: list[Any]) -> list[str]:
    return [step if isinstance(step, str) else step["run"] for step in steps if isinstance(step, str) or "run" in step]


@pytest.mark.parametrize("steps", [GITHUB["jobs"]["gate"]["steps"], GITLAB["gate"]["script"]], ids=["github", "gitlab"])
def test_a_workflow_s_steps_run(folder: Path, steps: list[Any]) -> None:
    install, *lines = commands_of(steps)
    assert install.startswith("pip install --constraint scalemodel/constraints/cpu.txt")
    for line in lines:
        run(folder, line)
    assert (folder / "report.md").read_text().startswith("# scalemodel")
    assert ElementTree.parse(folder / "gate.xml").findall(".//testcase")
    assert (folder / "gate.md").read_text().startswith("# Gate: ")
