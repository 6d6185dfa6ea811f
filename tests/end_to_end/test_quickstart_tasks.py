"""The study of the other tasks as it ships, from the command to a report of each: minutes, so that it is nightly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.config.task_registry import TASKS
from tests.end_to_end.driver import scalemodel

pytestmark = pytest.mark.nightly

OTHERS = sorted(set(TASKS) - {"question-answering", "text-classification"})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("quickstart-tasks")
    done = scalemodel("run", "quickstart-tasks", "--store", store, "--quiet")
    assert done.returncode == 0, done.stderr
    (found,) = (path.parent for path in store.glob("*/results.json"))
    return found


@pytest.fixture(scope="module")
def tasks(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text())["tasks"]
    return found


def test_every_task_is_there_that_the_quickstart_leaves_out(tasks: dict[str, Any]) -> None:
    assert sorted(tasks) == OTHERS


@pytest.mark.parametrize("task", OTHERS)
def test_every_deployment_is_measured_and_the_tiny_one_is_worse(tasks: dict[str, Any], task: str) -> None:
    deployments = tasks[task]["deployments"]
    assert {one["status"] for one in deployments.values()} == {"ok"}
    figure = "spearman" if tasks[task]["deployments"][tasks[task]["reference"]]["quality"]["spearman"] else "accuracy"
    found = {name: one["quality"][figure] for name, one in deployments.items()}
    reference = found[tasks[task]["reference"]]
    assert reference > found[next(name for name in found if "tiny/" in name)]
    for name, value in found.items():
        if "/onnx-int8" in name:
            assert abs(value - reference) < 0.05, name


@pytest.mark.parametrize("task", OTHERS)
def test_its_report_is_one_screen(run: Path, task: str) -> None:
    shown = scalemodel("report", run, "--task", task)
    assert shown.returncode == 0, shown.stderr
    assert f"{task} against " in shown.stdout and f"{task}: Ship" in shown.stdout
    assert len(shown.stdout.splitlines()) <= 50
