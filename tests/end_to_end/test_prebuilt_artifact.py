"""A finished ONNX file beside checkpoints: it says what the checkpoint says that it was exported from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from exporters.artifact import export
from harness.demo import write_checkpoint
from tests.end_to_end.driver import scalemodel
from tests.exporters.small_model import small_model

pytestmark = pytest.mark.slow

DATA = """
    data:
      train: {embedded: train, size: 80}
      bank: 60
      evaluation: {embedded: evaluation, size: 60}
      out_of_distribution: {embedded: out-of-distribution, size: 40}
"""
STUDY = f"""
study: own
formats: [onnx-fp32]
performance: {{samples: 8, min_warmup_seconds: 0, max_warmup_seconds: 0.2, min_seconds: 0.05, min_count: 8,
  tune: false, paired_processes: 1}}
tasks:
  question-answering:
    reference: tiny
    models:
      tiny: {{checkpoint: {{embedded: tiny}}}}
      shipped:
        artifact: {{onnx: question-answering/bare.onnx, attention_mask: input_mask, token_type_ids: segment_ids}}
{DATA}
    question_answering: {{max_seq_length: 128, doc_stride: 32}}
    verification_examples: 8
    execution_floor: false
    characteristics: {{bootstrap: 100, representation: {{k: [5]}}, distribution: {{k: 5}}}}
  text-classification:
    reference: tiny
    labels: [negative, positive]
    models:
      tiny: {{checkpoint: {{embedded: tiny}}}}
      shipped: {{artifact: {{onnx: text-classification/bare.onnx}}}}
      opaque: {{artifact: {{onnx: text-classification/bare.onnx, representation: none}}}}
      noisy: {{artifact: {{onnx: noisy.onnx, tokenizer: text-classification}}}}
      broken: {{artifact: {{onnx: broken.onnx, tokenizer: text-classification}}}}
      sure: {{artifact: {{onnx: sure.onnx, tokenizer: text-classification}}}}
      newer: {{artifact: {{onnx: newer.onnx, tokenizer: text-classification}}}}
{DATA}
    max_length: 128
    verification_examples: 40
    execution_floor: false
    characteristics:
      bootstrap: 100
      representation: {{k: [5]}}
      distribution: {{k: 5}}
      attack: {{masked_language_model: {{checkpoint: {{embedded: reviews}}}}, sample: 4}}
"""
TASKS = ("question-answering", "text-classification")
TINY, SHIPPED, OPAQUE = (
    f"{name}@onnxruntime-cpu" for name in ("tiny/onnx-fp32", "shipped/onnx-prebuilt", "opaque/onnx-prebuilt")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, and the files that it names, as somebody else's exporter would have left them."""
    root = tmp_path_factory.mktemp("own")
    (root / "own.yaml").write_text(STUDY)
    for task in TASKS:
        (root / task).mkdir()
        checkpoint, exported = root / task / "checkpoint", root / task / "exported"
        checkpoint.mkdir()
        exported.mkdir()
        write_checkpoint("tiny", task, checkpoint)
        export("onnx-fp32", checkpoint, exported, task=task, pooling="cls")
        model = onnx.load(str(exported / "model.onnx"))
        logits = [value.name for value in model.graph.output if value.name != "representation"]
        inputs = [value.name for value in model.graph.input]
        onnx.save(onnx.utils.Extractor(model).extract_model(inputs, logits), str(root / task / "bare.onnx"))
        if task == "question-answering":
            call_inputs_as_mlperf_does(root / task / "bare.onnx")
        (exported / "tokenizer.json").rename(root / task / "tokenizer.json")
    tokens = Tokenizer.from_file(str(root / "text-classification" / "tokenizer.json")).get_vocab_size()
    small_model(root / "noisy.onnx", rows=tokens, classes=2, random=True)
    small_model(root / "broken.onnx", rows=tokens, classes=2, not_finite=True)
    small_model(root / "sure.onnx", rows=tokens, classes=2)
    sure = onnx.load(str(root / "sure.onnx"))
    sure.graph.node[-1].output[0] = "before"
    sure.graph.node.extend(  # a softmax that is none by name
        [
            onnx.helper.make_node("Exp", ["before"], ["exponentials"]),
            onnx.helper.make_node("ReduceSum", ["exponentials"], ["total"], keepdims=1),
            onnx.helper.make_node("Div", ["exponentials", "total"], ["logits"]),
        ]
    )
    axes = onnx.numpy_helper.from_array(np.array([1]), "axes")
    sure.graph.initializer.append(axes)
    sure.graph.node[-2].input.append("axes")
    onnx.save(sure, str(root / "sure.onnx"))
    sure.ir_version = 99
    onnx.save(sure, str(root / "newer.onnx"))
    return root


def call_inputs_as_mlperf_does(file: Path) -> None:
    model = onnx.load(str(file))
    names = {"attention_mask": "input_mask", "token_type_ids": "segment_ids"}
    for value in model.graph.input:
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)
    onnx.save(model, str(file))


@pytest.fixture(scope="module")
def run_folder(store: Path, folder: Path) -> Path:
    shutil.copytree(store / ".steps", folder / "runs" / ".steps")  # what it shares with the small study is done
    done = scalemodel("run", "own.yaml", "--store", "runs", "--quiet", cwd=folder)
    assert done.returncode == 3, done.stderr  # four deployments fail, as they must
    (results,) = folder.glob("runs/*/results.json")
    return results.parent


def task_results(run_folder: Path, task: str) -> dict[str, Any]:
    return json.loads((run_folder / "results.json").read_text())["tasks"][task]


def test_it_is_valid_without_being_run(folder: Path) -> None:
    done = scalemodel("validate", "own.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "onnx-prebuilt x6" in done.stdout
    refused = scalemodel("validate", "own.yaml", "--set", "tasks.text-classification.labels=[a, b, c]", cwd=folder)
    assert refused.returncode == 2 and "2 classes" in refused.stderr and len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("task", TASKS)
def test_its_figures_are_those_of_the_checkpoint(task: str, run_folder: Path) -> None:
    deployments = task_results(run_folder, task)["deployments"]
    assert deployments[SHIPPED]["status"] == "ok", deployments[SHIPPED]["reason"]
    assert deployments[SHIPPED]["quality"] == deployments[TINY]["quality"]
    assert deployments[SHIPPED]["artifact"]["precision"] == "fp32"
    assert deployments[SHIPPED]["artifact"]["layers"] == deployments[TINY]["artifact"]["layers"]
    assert deployments[SHIPPED]["artifact"]["hidden"] == deployments[TINY]["artifact"]["hidden"]
    for role in ("evaluation", "bank", "out-of-distribution"):
        tables = [
            pq.read_table(run_folder / "outputs" / task / name.replace("/", "--") / f"{role}.parquet")
            for name in (TINY, SHIPPED)
        ]
        assert tables[0].column_names == tables[1].column_names
        for column in tables[0].column_names:
            expected, actual = (table.column(column).to_pylist() for table in tables)
            assert actual == (expected if isinstance(expected[0], str | bool | int) else approximately(expected))


def approximately(expected: list[Any]) -> object:
    """Floats in lists of any depth: the same arithmetic, in one thread or two."""

    class Near:
        def __eq__(self, actual: object) -> bool:
            return near(actual, expected)

    return Near()


def near(actual: object, expected: object) -> bool:
    if isinstance(expected, list) and isinstance(actual, list):
        return len(actual) == len(expected) and all(map(near, actual, expected))
    return bool(actual == pytest.approx(expected, abs=1e-4))


@pytest.mark.parametrize("task", TASKS)
def test_it_is_checked_against_its_graph_and_described(task: str, run_folder: Path) -> None:
    verified = task_results(run_folder, task)["deployments"][SHIPPED]["verification"]
    parity = verified["parity"]
    assert parity["finite"] and parity["decision_agreement"] == 1 and parity["largest_logit_difference"] < 1e-3
    assert verified["determinism"]["repeated"] < 1e-5 and "its graph" in verified["against"]
    manifest = json.loads((run_folder / "manifests" / task / "shipped--onnx-prebuilt.json").read_text())
    assert "the last normalisation before the head" in manifest["found"]["changes"][-1]
    assert manifest["source"].keys() == {"onnx_sha256"} and manifest["found"]["weights"].keys() == {"float32"}


def test_it_is_timed_and_attacked_like_the_others(run_folder: Path) -> None:
    timed = json.loads((run_folder / "performance.json").read_text())["tasks"]["text-classification"]
    assert timed.keys() == {TINY, SHIPPED, OPAQUE}
    assert all(figures["single_stream"]["p50_ms"] > 0 for figures in timed.values())
    attacked = task_results(run_folder, "text-classification")["characteristics"]["adversarial_attack"]
    assert {TINY, SHIPPED, OPAQUE} <= set(json.dumps(attacked).split('"'))


def test_without_a_representation_the_rest_is_compared(run_folder: Path) -> None:
    task = task_results(run_folder, "text-classification")
    named = {name: set(json.dumps(found).split('"')) for name, found in task["characteristics"].items() if found}
    assert OPAQUE in named["prediction_errors"] and SHIPPED in named["data_representation"]
    assert OPAQUE not in named["data_representation"] and OPAQUE not in named["data_distribution"]
    assert any("Without a representation, as the study says: opaque" in note for note in task["notes"])


def test_what_must_not_be_timed_fails_with_its_reason(run_folder: Path) -> None:
    deployments = task_results(run_folder, "text-classification")["deployments"]
    for name, reason in (
        ("noisy", "other outputs when the same input comes again"),
        ("broken", "NaN or infinity"),
        ("sure", "logits are probabilities"),
        ("newer", f"does not take {run_folder.parents[1] / 'newer.onnx'}, of IR version 99"),
    ):
        entry = deployments[f"{name}/onnx-prebuilt@onnxruntime-cpu"]
        assert entry["status"] == "failed" and reason in entry["reason"]


def test_the_report_tells_of_it(run_folder: Path) -> None:
    report = scalemodel("report", run_folder, "--full")
    assert report.returncode == 0 and report.stderr == ""
    assert "shipped" in report.stdout and "onnx-prebuilt are finished files" in " ".join(report.stdout.split())
