"""What must not be timed: a destroyed artifact, NaN, outputs that change; and results made before it was found out."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from harness.config.load import load_study
from harness.errors import NOT_FINITE, REFUSED, StepFailed
from harness.execution.processes import StepFailure
from harness.execution.run import Execution
from harness.planning.plan import DeploymentPlan, make_plan
from harness.results.collect import collect
from harness.steps import checkpoint_outputs, verification
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.store.run_folder import RunFolder
from harness.store.steps import Store
from harness.verification.checks import verification_inputs
from harness.verification.tolerances import FIXED
from tests.end_to_end.driver import run_study, scalemodel

pytestmark = pytest.mark.slow

TASK = "text-classification"
VerificationContext = Context[verification.Options, verification.Inputs]
STUDY = f"""
study: verified
formats: [onnx-fp32, onnx-int8-dynamic]
backends: [onnxruntime-cpu, openvino-cpu]
performance: {{samples: 8, min_warmup_seconds: 0, max_warmup_seconds: 0.2, min_seconds: 0.05, min_count: 8,
  tune: false, paired_processes: 1}}
tasks:
  {TASK}:
    reference: reference
    labels: [negative, positive]
    models:
      reference: {{checkpoint: {{embedded: reference}}}}
    data:
      evaluation: {{embedded: evaluation, size: 60}}
    verification_examples: 40
    max_length: 128
    execution_floor: false
    characteristics: {{bootstrap: 100, representation: {{k: [5]}}, distribution: {{k: 5}}}}
"""


@pytest.fixture(scope="module")
def folder(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that has been run, and its store."""
    root = tmp_path_factory.mktemp("verified")
    shutil.copytree(store / ".steps", root / "runs" / ".steps")  # what it shares with the small study is done
    (root / "study.yaml").write_text(STUDY)
    run_study(root)
    return root


def planned(folder: Path) -> dict[str, DeploymentPlan]:
    plan = make_plan(load_study(folder / "study.yaml"))
    return {planned.deployment.name: planned for planned in plan.tasks[0].deployments}


def verify(folder: Path, tmp_path: Path, change: Callable[[onnx.ModelProto], None], *, random: bool = False) -> None:
    """The verification of the FP32 deployment on ONNX Runtime, with the model of its artifact changed.

    ``random``: as if the model's weights were, so that no right answers are asked of it.
    """
    store = Store(tmp_path / "runs")
    step = planned(folder)["reference/onnx-fp32@onnxruntime-cpu"].verification
    for ref in step.inputs.refs:
        shutil.copytree(Store(folder / "runs").path(ref.kind, ref.key), store.path(ref.kind, ref.key))
    if random:
        step = replace(step, options=step.options.model_copy(update={"quality_loss": None}))
    context: VerificationContext = Context(step, store, tmp_path, io.StringIO())
    file = context.folder(context.inputs.artifact) / "model.onnx"
    model = onnx.load(str(file))
    change(model)
    onnx.save(model, str(file))
    verification.run(context)


def weights(change: Callable[[str, NDArray[np.float32]], NDArray[np.floating]]) -> Callable[[onnx.ModelProto], None]:
    def changed(model: onnx.ModelProto) -> None:
        for weight in model.graph.initializer:
            if weight.data_type == onnx.TensorProto.FLOAT:
                values = change(weight.name, numpy_helper.to_array(weight))
                weight.CopyFrom(numpy_helper.from_array(values.astype(np.float32), weight.name))

    return changed


def without_mask(model: onnx.ModelProto) -> None:
    """Let every token attend to padding."""
    for node in model.graph.node:
        node.input[:] = ["all tokens" if name == "attention_mask" else name for name in node.input]
    first = [
        helper.make_node("Sub", ["attention_mask", "attention_mask"], ["no tokens"]),
        helper.make_node("Add", ["no tokens", "one"], ["all tokens"]),
    ]
    model.graph.initializer.append(numpy_helper.from_array(np.array(1), "one"))
    nodes = [*first, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def last_token(model: onnx.ModelProto) -> None:
    """Let the representation be another token's than the first."""
    (node,) = (node for node in model.graph.node if "representation" in node.output)
    assert node.op_type == "Gather"
    model.graph.initializer.append(numpy_helper.from_array(np.array(-1), "last"))
    node.input[1] = "last"


def test_an_artifact_as_it_was_exported_passes(folder: Path, tmp_path: Path) -> None:
    verify(folder, tmp_path, lambda model: None)
    record = json.loads((tmp_path / "verification.json").read_text())
    assert record["quality"]["loss"] == 0 and record["quality"]["examples"] >= 40
    assert record["parity"]["decision_agreement"] == 1 and record["determinism"]["repeated"] == 0
    assert record["parity"]["outputs"].keys() == {"logits", "representation"}
    assert record["tolerance"]["precision"] == "float32"


def test_the_last_positions_are_in_use(folder: Path) -> None:
    expected = planned(folder)["reference/onnx-fp32@onnxruntime-cpu"].expected
    assert expected is not None
    context: Context[checkpoint_outputs.Options, checkpoint_outputs.Inputs] = Context(
        expected, Store(folder / "runs"), folder, io.StringIO()
    )
    every, checkpoint = (context.folder(ref) for ref in (context.inputs.evaluation, context.inputs.checkpoint))
    task = context.options.task.open()
    inputs = verification_inputs(read_examples(every), checkpoint, task, count=40, seed=0, positions=100, pad_token=0)
    full, shortest = inputs.batches[-1]["attention_mask"].sum(axis=1)
    assert full == 100 and shortest == inputs.features.lengths.min()


def test_a_destroyed_artifact_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    monkeypatch.setattr(verification, "tolerance", lambda *_, **__: FIXED)
    with pytest.raises(StepFailed, match=r"accuracy is .* the checkpoint's is .*quality_loss") as raised:
        # What a wrong calibration does: every range too narrow for what comes through.
        verify(folder, tmp_path, weights(lambda name, weight: weight * 0.2 + random.normal(0, 0.05, weight.shape)))
    assert raised.value.status == REFUSED


def test_destroyed_random_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with pytest.raises(StepFailed, match=r"logits is .* of its spread away .*0\.001 is allowed in float32: export"):
        noise = weights(lambda name, weight: weight + random.normal(0, 0.01, weight.shape))
        verify(folder, tmp_path, noise, random=True)


def test_a_graph_without_its_mask_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"logits is .* of its spread away .*attention mask") as raised:
        verify(folder, tmp_path, without_mask)
    assert raised.value.status == REFUSED


def test_a_quantized_graph_without_its_mask_moves_by_padding(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "tolerance", lambda *_, **__: FIXED)
    monkeypatch.setattr(verification, "_require_parity", lambda *_: None)  # as if its checkpoint had none either
    with pytest.raises(StepFailed, match=r"moves by .* when the same text is padded more, 0\.2 is allowed"):
        verify(folder, tmp_path, without_mask, random=True)


def test_another_representation_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"representation is .* of its spread away .*the study's pooling") as raised:
        verify(folder, tmp_path, last_token)
    assert raised.value.status == REFUSED and "\n" not in str(raised.value)


def test_not_a_number_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"logits holds NaN or infinity for \d+ of \d+ real, padded") as raised:
        infinite = weights(lambda name, weight: np.full_like(weight, np.inf) if "classifier" in name else weight)
        verify(folder, tmp_path, infinite)
    assert raised.value.status == NOT_FINITE


def test_every_deployment_is_verified_on_its_own_backend(folder: Path) -> None:
    deployments = results(folder)["deployments"]
    assert len(deployments) == 4
    for name, entry in deployments.items():
        verified = entry["verification"]
        assert entry["status"] == "ok" and verified["quality"]["loss"] <= 0.1
        assert verified["determinism"]["repeated"] == 0
        if "fp32" in name:
            assert verified["matmuls"].keys() == {"fp32"} and verified["parity"]["largest_logit_difference"] < 1e-3
    dynamic = deployments["reference/onnx-int8-dynamic@onnxruntime-cpu"]
    assert dynamic["verification"]["matmuls"]["int8"] > 0 and dynamic["artifact"]["isa"]
    assert (
        dynamic["artifact"]["source"]["embedded"] == "reference" and not dynamic["artifact"]["source"]["trained_here"]
    )


def test_inputs_longer_than_the_model_are_refused_before_it_runs(folder: Path, tmp_path: Path) -> None:
    store = Store(folder / "runs")
    step = planned(folder)["reference/onnx-fp32@onnxruntime-cpu"].verification
    context: VerificationContext = Context(step, store, tmp_path, io.StringIO())
    every = read_examples(context.folder(context.inputs.evaluation))
    artifact, task = context.folder(context.inputs.artifact), context.options.deployment.task.open()
    with pytest.raises(
        StepFailed, match=r"has \d+ tokens, but the model has 16 positions: set the task's max_length to"
    ):
        verification_inputs(every, artifact, task, count=40, seed=0, positions=16, pad_token=0)


def test_export_and_the_report_tell_what_was_verified(folder: Path) -> None:
    done = scalemodel("export", "study.yaml", "--store", "runs", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("verified ")]
    assert len(told) == 4 and "100.0 % of" in told[0] and "matmuls" in told[0]
    report = scalemodel("report", "--section", "verified-before-timing", "--store", "runs", cwd=folder)
    assert "Verified before timing" in report.stdout


def collected_with_failure(folder: Path, output: Path, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Results and performance of a run in which everything was measured, and ``name`` then fails its verification."""
    study = load_study(folder / "study.yaml")
    step = planned(folder)[name].verification
    run_folder = RunFolder.of(study, folder / "runs", output)
    with run_folder.opened(study):
        run = Execution(make_plan(study), Store(folder / "runs"), run_folder, sys.stderr, Quiet())
        run.failures[step.key] = StepFailure(step, REFUSED, "it lost too much", None)
        run.execute()
        collect(run)
    found, performance = (
        json.loads((output / file).read_text())["tasks"][TASK] for file in ("results.json", "performance.json")
    )
    return found, performance


def test_nothing_of_a_deployment_that_fails_counts_though_it_was_measured_before(folder: Path, tmp_path: Path) -> None:
    failing = "reference/onnx-int8-dynamic@onnxruntime-cpu"
    found, performance = collected_with_failure(folder, tmp_path / "again", failing)
    entry = found["deployments"][failing]
    assert (entry["status"], entry["reason"], entry["quality"]) == ("failed", "it lost too much", None)
    assert failing not in json.dumps(found["characteristics"])
    assert len(performance) == 3 and failing not in performance
    assert [name for name, figures in performance.items() if figures["paired"] is None] == [found["reference"]]


def test_speed_ups_over_a_reference_that_fails_do_not_count(folder: Path, tmp_path: Path) -> None:
    found, performance = collected_with_failure(folder, tmp_path / "again", "reference/onnx-fp32@onnxruntime-cpu")
    assert found["reference"] not in performance and len(performance) == 3
    for name, figures in performance.items():
        assert figures["paired"] is None and figures["single_stream"]["p50_ms"] > 0
        assert found["deployments"][name]["status"] == "ok"


class Quiet:
    def stage(self, name: str, steps: object, reused: int) -> None:
        pass

    def event(self, step: object, event: object) -> None:
        pass


def results(folder: Path) -> dict[str, Any]:
    (file,) = (folder / "runs").glob("*/results.json")
    return json.loads(file.read_text())["tasks"][TASK]
