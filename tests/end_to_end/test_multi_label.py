"""Multi-label classification from a checkpoint to verdicts, as a person runs it: a small model, trained here."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, recall_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from harness.checkpoints.labels import written_labels
from tests.end_to_end.small_tasks import gated, outputs, refused, reported, save_checkpoint

pytestmark = pytest.mark.slow

LABELS = ("heat", "speed", "wing")
TASK = "multi-label-classification"
STUDY = """
study: labels
formats: [onnx-fp32, onnx-int8-static, torch-fp32]
backends: [onnxruntime-cpu, torch-cpu]
performance: null
tasks:
  multi-label-classification:
    reference: encoder
    labels: [heat, speed, wing]
    models:
      encoder: {checkpoint: {folder: encoder}, training: {}}
      other: {checkpoint: {folder: encoder}, formats: [onnx-fp32]}
    recipe: {epochs: 8, batch_size: 16, learning_rate: 2.0e-3, max_length: 32}
    threshold: 0.4
    data:
      train: {table: train.csv, separator: ;}
      bank: 40
      evaluation: {table: evaluation.jsonl, label: topics}
      out_of_distribution: {table: far.csv}
    verification_examples: 8
    max_length: 32
    characteristics: {bootstrap: 100, representation: {k: [3]}, distribution: {k: 3}}
"""
WORDS = ("lift", "drag", "shock", "flow", "plate", "body", "wave", "layer", "nose", "jet")
REFERENCE = "encoder/onnx-fp32@onnxruntime-cpu"


def labelled(chosen: random.Random) -> tuple[str, list[str]]:
    """A text that says its labels among other words; one in eight is too long, and says them in front."""
    labels = [label for label in LABELS if chosen.random() < 0.4]
    words = [*labels, *chosen.choices(WORDS, k=40 if chosen.random() < 1 / 8 else 4)]
    if len(words) < 20:
        chosen.shuffle(words)
    return " ".join(words), labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, chosen = tmp_path_factory.mktemp("labels"), random.Random(3)
    rows = [labelled(chosen) for _ in range(600)]
    (root / "train.csv").write_text("text,label\n" + "".join(f"{text},{';'.join(own)}\n" for text, own in rows))
    evaluation = [dict(zip(("text", "topics"), labelled(chosen), strict=True)) for _ in range(80)]
    (root / "evaluation.jsonl").write_text("\n".join(map(json.dumps, evaluation)))
    (root / "far.csv").write_text("text\n" + "".join(f"{labelled(chosen)[0]} !\n" for _ in range(30)))
    torch.manual_seed(1)
    for name, multi_label in (("encoder", True), ("classes", False)):
        fields = {"max_position_embeddings": 32, "initializer_range": 0.2}
        save_checkpoint(
            root / name,
            AutoModelForSequenceClassification,
            **fields,
            **written_labels(LABELS, multi_label=multi_label),
        )
    (root / "study.yaml").write_text(STUDY)
    return root


@pytest.fixture(scope="module")
def task(tasks: dict[str, Any]) -> Any:
    return tasks[TASK]


def indicators(table: Any, column: str) -> np.ndarray:
    """(texts, labels) 0 and 1."""
    return np.array([[place in own for place in range(len(LABELS))] for own in table.column(column).to_pylist()], int)


def test_every_deployment_works_and_is_verified(task):
    assert task["failures"] == []
    assert all(one["status"] == "ok" for one in task["deployments"].values())
    for name in (REFERENCE, "encoder/torch-fp32@torch-cpu"):
        verified = task["deployments"][name]["verification"]
        assert verified["parity"]["largest_logit_difference"] < 1e-3
        assert verified["parity"]["decision_agreement"] == 1
        assert "run_glue.py" in verified["preprocessing"]["against"]


def test_training_learns_any_number_of_labels(folder, task):
    trained, untrained = (
        task["deployments"][name]["quality"]["label_f1"] for name in (REFERENCE, "other/onnx-fp32@onnxruntime-cpu")
    )
    assert untrained < 0.7 < 0.8 < trained
    (config,) = folder.glob("runs/**/training/*/config.json")
    assert json.loads(config.read_text())["problem_type"] == "multi_label_classification"


def test_labels_are_those_whose_sigmoid_reaches_the_threshold(folder, run):
    (checkpoint,) = (path.parent for path in folder.glob("runs/**/training/*/model.safetensors"))
    lines = (folder / "evaluation.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    encoded = tokenizer(
        [row["text"] for row in rows], padding=True, truncation=True, max_length=32, return_tensors="pt"
    )
    with torch.inference_mode():
        logits = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()(**encoded).logits
    wanted = torch.sigmoid(logits).numpy()
    table = outputs(run, TASK, REFERENCE)
    np.testing.assert_array_equal(indicators(table, "predicted_labels"), wanted >= 0.4)
    gold = [[LABELS[place] for place in own] for own in table.column("labels").to_pylist()]
    assert gold == [row["topics"] for row in rows]
    sure = np.where(wanted >= 0.4, wanted, 1 - wanted).prod(axis=1)
    np.testing.assert_allclose(table.column("confidence").to_numpy(), sure, atol=1e-4)


def test_figures_are_scikit_learns_on_the_same_outputs(run, task):
    compared = task["characteristics"]["label_sets"]
    for name, deployment in task["deployments"].items():
        if deployment["replicate_of"] is not None:
            continue
        table = outputs(run, TASK, name)
        gold, given = indicators(table, "labels"), indicators(table, "predicted_labels")
        wanted = f1_score(gold, given, average="micro", zero_division=0)
        assert deployment["quality"]["label_f1"] == pytest.approx(wanted, abs=1e-6)
        assert deployment["quality"]["accuracy"] == pytest.approx((gold == given).all(axis=1).mean(), abs=1e-6)
        assert compared["quality"][name]["f1"]["value"] == pytest.approx(wanted, abs=1e-6)
        recalls = recall_score(gold, given, average=None, zero_division=0)
        for label, recall in zip(LABELS, recalls, strict=True):
            found = compared["errors"]["recalls"][label]["rates"][name]["value"]
            assert found == pytest.approx(recall, abs=1e-6)
    base, other = (indicators(outputs(run, TASK, name), "predicted_labels") for name in (REFERENCE, INT8))
    change = compared["changes"][INT8]
    assert change["shared"]["value"] == pytest.approx((base & other).sum() / (base | other).sum(), abs=1e-6)
    assert (change["lost"], change["found"]) == ((base > other).sum(), (other > base).sum())


INT8 = "encoder/onnx-int8-static@onnxruntime-cpu"


def test_the_characteristics_that_are_defined_are_there(task):
    found = task["characteristics"]
    absent = {"pair_scores", "retrieval", "embedding_quantization", "reranking", "entities"}
    assert {name for name, one in found.items() if one is None} == absent | {"adversarial_attack", "explanation"}
    assert found["label_sets"]["verdicts"]["other/onnx-fp32@onnxruntime-cpu"]["conclusion"] == "different"
    assert found["label_sets"]["verdicts"]["encoder/torch-fp32@torch-cpu"]["conclusion"] == "same"


def test_the_report_shows_it(folder, run):
    full, page = reported(run)
    for words in ("Does it give the same labels?", "Recall: how many labels of a class", f"Left out: {TASK}"):
        assert words in full
    assert "Does it give the same labels?" in page


def test_the_gate_holds_it(folder, run):
    limits = {"labels-shared": "at least 0.99", "label-f1-change": "at least -0.01", "recall of wing": "at least 50 %"}
    rule = {"tasks": TASK, "deployments": "*/torch-fp32@torch-cpu", "limits": limits}
    assert gated(run, rule) == "gate: passed: of 3 limits 3 passed"


OTHER = f"tasks.{TASK}.models.other"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (f"{OTHER}.checkpoint.folder=classes", "has the problem_type single_label_classification: multi-label-"),
        (f"tasks.{TASK}.threshold=1.5", f"tasks.{TASK}.threshold: is a probability here"),
        (f"tasks.{TASK}.threshold={{data: 3, prediction: 0.5}}", f"tasks.{TASK}.threshold: is a probability here"),
        (f"tasks.{TASK}.labels=[heat]", "needs two or more different names, got heat"),
        (f"tasks.{TASK}.labels=[heat,speed,fin]", "'wing', not a label of the task"),
        (f"tasks.{TASK}.data.train.separator=/", "not a label of the task"),
        (f"tasks.{TASK}.models.encoder.training={{distillation: {{}}}}", "distillation"),
        (f"{OTHER}.training={{distillation: {{}}}}", "soft labels are probabilities of classes of which one is right"),
        (f"tasks.{TASK}.characteristics.explanation={{}}", "here every label has one"),
        (f"tasks.{TASK}.data.evaluation={{tagged: train.csv}}", "train.csv is not named as texts with labels"),
    ],
)
def test_bad_input_is_one_line(folder, override, message):
    assert message in refused(folder, override)


CLASSES = """
study: classes
formats: [onnx-fp32]
backends: [onnxruntime-cpu]
tasks:
  text-classification:
    reference: encoder
    labels: [heat, speed, wing]
    models: {encoder: {checkpoint: {folder: encoder}}}
    data: {evaluation: {table: one.csv}}
    max_length: 32
"""


def test_a_multi_label_head_is_for_no_task_of_classes(folder):
    (folder / "one.csv").write_text("text,label\nlift of a wing,wing\n")
    (folder / "classes.yaml").write_text(CLASSES)
    assert "multi-label-classification a multi-label head" in refused(folder, study="classes.yaml")
