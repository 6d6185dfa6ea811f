"""What must not be timed: a destroyed artifact, NaN, outputs that change; and results made before it was found out."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from harness.config.load import load_study
from harness.errors import StepFailed
from harness.execution.processes import Failure
from harness.execution.run import Run
from harness.execution.status import NOT_FINITE, REFUSED
from harness.execution.worker import Context
from harness.planning.plan import DeploymentPlan, make_plan
from harness.steps import verification
from harness.store.run_folder import RunFolder
from harness.store.steps import Store
from tests.end_to_end.driver import scalemodel

TASK = "text-classification"
STUDY = f"""
study: verified
formats: [onnx-fp32, onnx-int8-dynamic]
backends: [onnxruntime-cpu, openvino-cpu]
performance: {{samples: 4, warmup_seconds: 0, min_seconds: 0.02, min_count: 4}}
tasks:
  {TASK}:
    reference: reference
    labels: [negative, positive]
    models:
      reference: {{checkpoint: {{embedded: reference}}}}
    data:
      train: {{embedded: train, size: 40}}
      bank: 40
      evaluation: {{embedded: evaluation, size: 60}}
    parity: 40
    max_length: 128
    execution_floor: false
    characteristics: {{bootstrap: 100, representation: {{k: [5]}}, distribution: {{k: 5}}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that has been run, and its store."""
    root = tmp_path_factory.mktemp("verified")
    (root / "study.yaml").write_text(STUDY)
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", cwd=root)
    assert done.returncode == 0, done.stderr
    return root


def planned(folder: Path) -> dict[str, DeploymentPlan]:
    plan = make_plan(load_study(folder / "study.yaml"))
    return {planned.deployment.name: planned for planned in plan.tasks[0].deployments}


def verify(folder: Path, tmp_path: Path, change: Callable[[str, NDArray[np.float32]], NDArray[np.float32]]) -> None:
    """The verification of the FP32 deployment on ONNX Runtime, with the weights of its artifact changed."""
    shutil.copytree(folder / "runs" / ".steps", tmp_path / "runs" / ".steps")
    store = Store(tmp_path / "runs")
    step = planned(folder)["reference/onnx-fp32@onnxruntime-cpu"].verification
    file = store.path(*step.needs["artifact"]) / "model.onnx"
    model = onnx.load(str(file))
    for weight in model.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT:
            changed = change(weight.name, numpy_helper.to_array(weight))
            weight.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), weight.name))
    onnx.save(model, str(file))
    verification.run(Context(step, store, tmp_path, io.StringIO()))


def test_an_artifact_as_it_was_exported_passes(folder: Path, tmp_path: Path) -> None:
    verify(folder, tmp_path, lambda name, weight: weight)
    record = json.loads((tmp_path / "verification.json").read_text())
    assert record["quality"]["loss"] == 0 and record["quality"]["examples"] >= 40
    assert record["parity"]["decision_agreement"] == 1 and record["determinism"]["repeated"] == 0


def test_a_destroyed_artifact_is_refused(folder: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with pytest.raises(StepFailed, match=r"accuracy is .* the checkpoint's is .*quality_loss") as raised:
        # What a wrong calibration does: every range too narrow for what comes through.
        verify(folder, tmp_path, lambda name, weight: weight * 0.2 + random.normal(0, 0.05, weight.shape))
    assert raised.value.status == REFUSED


def test_not_a_number_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"logits holds NaN or infinity for \d+ of \d+ real, padded") as raised:
        verify(folder, tmp_path, lambda name, weight: np.full_like(weight, np.inf) if "classifier" in name else weight)
    assert raised.value.status == NOT_FINITE


def test_every_deployment_is_verified_on_its_own_backend(folder: Path) -> None:
    deployments = results(folder)["deployments"]
    assert len(deployments) == 4
    for name, entry in deployments.items():
        verified = entry["verification"]
        assert entry["status"] == "ok" and verified["quality"]["loss"] <= 0.1
        assert verified["determinism"]["repeated"] == 0
        if "fp32" in name:
            assert verified["products"].keys() == {"fp32"} and verified["parity"]["largest_logit_difference"] < 1e-3
    assert deployments["reference/onnx-int8-dynamic@onnxruntime-cpu"]["verification"]["products"]["int8"] > 0


def test_export_and_the_report_tell_what_was_verified(folder: Path) -> None:
    done = scalemodel("export", "study.yaml", "--store", "runs", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("verified ")]
    assert len(told) == 4 and "100.0 % of" in told[0] and "products" in told[0]
    report = scalemodel("report", "--store", "runs", cwd=folder)
    assert "Verified before timing" in report.stdout


def test_nothing_of_a_deployment_that_fails_counts_though_it_was_measured_before(folder: Path, tmp_path: Path) -> None:
    study = load_study(folder / "study.yaml")
    store = Store(folder / "runs")
    failing = "reference/onnx-int8-dynamic@onnxruntime-cpu"
    step = planned(folder)[failing].verification
    run_folder = RunFolder.of(study, folder / "runs", tmp_path / "again")
    run_folder.open(study)
    run = Run(make_plan(study), store, run_folder, sys.stderr, Quiet())
    run.failures[step.key] = Failure(step, REFUSED, "it lost too much", None)
    run.execute()
    found = json.loads((tmp_path / "again" / "results.json").read_text())["tasks"][TASK]
    entry = found["deployments"][failing]
    assert (entry["status"], entry["reason"], entry["quality"]) == ("failed", "it lost too much", None)
    assert failing not in json.dumps(found["characteristics"])
    performance = json.loads((tmp_path / "again" / "performance.json").read_text())["tasks"][TASK]
    assert len(performance) == 3 and failing not in performance


class Quiet:
    def stage(self, name: str, steps: int, reused: int) -> None:
        pass

    def event(self, step: object, event: object) -> None:
        pass


def results(folder: Path) -> dict:  # type: ignore[type-arg]
    (file,) = (folder / "runs").glob("*/results.json")
    return json.loads(file.read_text())["tasks"][TASK]  # type: ignore[no-any-return]
