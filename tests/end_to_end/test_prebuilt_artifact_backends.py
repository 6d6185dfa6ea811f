"""One finished file on several backends: each says what the graph says, or is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from backends.openvino import OpenVinoCpu
from backends.registry import availability
from exporters.artifact import export
from harness.config.load import load_study
from harness.demo import write_checkpoint
from harness.errors import REFUSED, StepFailed
from harness.planning.plan import make_plan
from harness.steps import verification
from harness.steps.context import Context
from harness.store.steps import Store
from tests.end_to_end.driver import scalemodel

pytestmark = pytest.mark.slow

if not availability("openvino-cpu").available:
    pytest.skip("no openvino", allow_module_level=True)

TASK = "text-classification"
STUDY = f"""
study: backends
formats: [onnx-fp32]
backends: [onnxruntime-cpu, openvino-cpu]
performance: null
tasks:
  {TASK}:
    reference: plain
    labels: [negative, positive]
    max_length: 128
    verification_examples: 16
    models:
      plain: {{artifact: {{onnx: plain/model.onnx}}}}
      fused: {{artifact: {{onnx: fused.onnx, tokenizer: plain}}}} # in ONNX Runtime's operators, as its optimiser writes
      session: {{artifact: {{onnx: session.onnx, tokenizer: plain}}}} # likewise, as a session of it writes
      int8: {{artifact: {{onnx: int8.onnx, tokenizer: plain}}}}
      int8-session: {{artifact: {{onnx: int8-session.onnx, tokenizer: plain}}}}
    data:
      evaluation: {{embedded: evaluation, size: 60}}
    execution_floor: false
    characteristics: {{bootstrap: 100, representation: {{k: [5]}}}}
"""
OPENVINO, ONNXRUNTIME = "openvino-cpu", "onnxruntime-cpu"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, run."""
    root = tmp_path_factory.mktemp("backends")
    (root / "study.yaml").write_text(STUDY)
    folders = {name: root / name for name in ("checkpoint", "plain", "onnx-fused", "onnx-int8-dynamic")}
    for place in folders.values():
        place.mkdir()
    write_checkpoint("tiny", TASK, folders["checkpoint"])
    export("onnx-fp32", folders["checkpoint"], folders["plain"], task=TASK, pooling="cls")
    for format, name in (("onnx-fused", "fused"), ("onnx-int8-dynamic", "int8")):
        export(format, folders["plain"], folders[format], task=TASK, pooling="cls")
        (folders[format] / "model.onnx").rename(root / f"{name}.onnx")
    save_optimised(folders["plain"] / "model.onnx", root / "session.onnx")
    save_optimised(root / "int8.onnx", root / "int8-session.onnx")
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", cwd=root)
    assert done.returncode == 3, done.stderr  # two deployments fail, as they must
    return root


def save_optimised(model: Path, destination: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(destination)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def deployments(folder: Path) -> dict[str, Any]:
    (results,) = folder.glob("runs/*/results.json")
    return json.loads(results.read_text())["tasks"][TASK]["deployments"]


@pytest.mark.parametrize("backend", [ONNXRUNTIME, OPENVINO])
@pytest.mark.parametrize("name", ["plain", "fused"])
def test_a_file_in_float32_is_held_against_its_graph(folder: Path, name: str, backend: str) -> None:
    entry = deployments(folder)[f"{name}/onnx-prebuilt@{backend}"]
    assert entry["status"] == "ok", entry["reason"]
    verified = entry["verification"]
    assert "without optimisation" in verified["against"] and verified["tolerance"]["precision"] == "float32"
    assert 0 <= verified["parity"]["largest_logit_difference"] < 1e-4
    assert verified["quality"] is None


@pytest.mark.parametrize(("name", "operator"), [("session", "FusedGemm with Tanh"), ("int8-session", "DynamicQuant")])
def test_operators_that_a_backend_computes_otherwise_are_refused(folder: Path, name: str, operator: str) -> None:
    found = deployments(folder)
    assert found[f"{name}/onnx-prebuilt@{ONNXRUNTIME}"]["status"] == "ok"
    refused = found[f"{name}/onnx-prebuilt@{OPENVINO}"]
    assert refused["status"] == "failed" and operator in refused["reason"]
    assert "use onnxruntime-cpu" in refused["reason"] and "\n" not in refused["reason"]
    validated = scalemodel("validate", "study.yaml", cwd=folder)
    assert validated.returncode == 0
    cautions = [line for line in validated.stdout.splitlines() if f"models.{name}.artifact: {OPENVINO}" in line]
    assert len(cautions) == 1 and operator in cautions[0]


def test_what_is_computed_otherwise_is_found_though_nobody_listed_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenVinoCpu, "computes_otherwise", lambda model: None)
    monkeypatch.chdir(folder)
    steps = {
        planned.deployment.name: planned.verification
        for planned in make_plan(load_study(Path("study.yaml"))).deployments
    }
    step = steps[f"session/onnx-prebuilt@{OPENVINO}"]
    with pytest.raises(
        StepFailed, match=r"logits is .* of its spread away from what its graph says.* another backend"
    ) as found:
        verification.run(Context(step, Store(folder / "runs"), tmp_path, io.StringIO()))
    assert found.value.status == REFUSED


@pytest.mark.parametrize("backend", [ONNXRUNTIME, OPENVINO])
def test_how_far_a_quantized_file_is_from_its_graph_is_told_not_judged(folder: Path, backend: str) -> None:
    entry = deployments(folder)[f"int8/onnx-prebuilt@{backend}"]
    assert entry["status"] == "ok", entry["reason"]
    assert entry["verification"]["tolerance"] is None
    assert entry["verification"]["parity"]["largest_logit_difference"] < 1
