"""Pairs of texts from checkpoints to verdicts: classes, and the scores of cross-encoders, as a person runs them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau, pearsonr, spearmanr
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.end_to_end.small_tasks import gated, outputs, refused, reported, save_checkpoint

pytestmark = pytest.mark.slow

STUDY = """
study: pairs
formats: [onnx-fp32, onnx-int8-dynamic]
backends: [onnxruntime-cpu]
performance: null
tasks:
  text-pair-classification:
    reference: encoder
    labels: [other, same]
    models:
      encoder: {checkpoint: {folder: encoder}, training: {}}
    recipe: {epochs: 3, batch_size: 16, learning_rate: 2.0e-3, max_length: 32}
    data:
      train: {table: train.csv}
      bank: 40
      evaluation: {table: pairs.csv}
      out_of_distribution: {table: far.csv}
    verification_examples: 8
    max_length: 32
    execution_floor: false
    characteristics:
      bootstrap: 100
      representation: {k: [3]}
      distribution: {k: 3}
      attack: {masked_language_model: {checkpoint: {embedded: reviews}}, sample: 6, candidates: 6}
  text-pair-regression:
    reference: cross
    models:
      cross: {checkpoint: {folder: cross}}
      trained: {checkpoint: {folder: cross}, training: {}, formats: [onnx-fp32]}
    recipe: {epochs: 8, batch_size: 16, learning_rate: 2.0e-3, max_length: 32, precision: bf16}
    data:
      train: {table: train.csv, score: likeness}
      evaluation: {table: pairs.csv, score: likeness}
    threshold: {data: 2.5, prediction: 0.5}
    verification_examples: 8
    quality_loss: 1.0
    execution_floor: false
    max_length: 32
    characteristics: {bootstrap: 100, representation: {k: [3]}}
"""
WORDS = ("wing", "lift", "drag", "heat", "shock", "flow", "plate", "body", "speed", "wave", "layer", "nose", "jet")
CLASSES, SCORES = "text-pair-classification", "text-pair-regression"


def pairs(count: int, seed: int) -> list[tuple[str, str, int, float]]:
    """Texts of which the second says "body" as often as they are alike."""
    chosen = random.Random(seed)
    made = []
    for index in range(count):
        first = " ".join(chosen.choices(WORDS, k=chosen.randint(4, 40 if index == 0 else 12)))
        likeness = chosen.randint(0, 5)
        second = " ".join(["body"] * likeness + chosen.choices([word for word in WORDS if word != "body"], k=4))
        made.append((first, second, int(likeness > 2), float(likeness)))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    for name, count, seed in (("train", 400, 1), ("pairs", 60, 2), ("far", 40, 3)):
        rows = "".join(f"{a},{b},{label},{score}\n" for a, b, label, score in pairs(count, seed))
        (root / f"{name}.csv").write_text("text,text_pair,label,likeness\n" + rows)
    torch.manual_seed(1)
    for name, fields in (("encoder", {}), ("cross", {"num_labels": 1})):
        save_checkpoint(root / name, AutoModelForSequenceClassification, initializer_range=0.2, **fields)
    _write_config(root / "cross", sentence_transformers={"activation_fn": "torch.nn.modules.activation.Sigmoid"})
    (root / "study.yaml").write_text(STUDY)
    return root


def _write_config(folder: Path, **fields: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))


def test_every_deployment_works_and_is_verified(tasks):
    for task in tasks.values():
        assert task["failures"] == []
        assert all(one["status"] == "ok" for one in task["deployments"].values())
        for name, one in task["deployments"].items():
            if name.endswith("/onnx-fp32@onnxruntime-cpu"):
                assert one["verification"]["parity"]["largest_logit_difference"] < 1e-4
            assert "run_glue.py" in one["verification"]["preprocessing"]["against"]
    parity = tasks[SCORES]["deployments"]["cross/onnx-fp32@onnxruntime-cpu"]["verification"]["parity"]
    assert parity["decision_agreement"] is None  # one output chooses nothing


def test_scores_are_the_cross_encoders(folder, run):
    """Both texts, the first of which is too long, in one input, and behind the activation of its configuration."""
    tokenizer = AutoTokenizer.from_pretrained(folder / "cross")
    model = AutoModelForSequenceClassification.from_pretrained(folder / "cross").eval()
    data = pairs(60, 2)
    encoded = tokenizer(
        [one[0] for one in data],
        [one[1] for one in data],
        padding=True,
        truncation="longest_first",
        max_length=32,
        return_tensors="pt",
    )
    assert encoded["token_type_ids"].max() == 1
    assert encoded["input_ids"].shape[1] == 32
    with torch.inference_mode():
        wanted = torch.sigmoid(model(**encoded).logits[:, 0]).numpy()
    found = outputs(run, SCORES, "cross/onnx-fp32").column("predicted_score").to_numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_training_learns_the_scores_themselves(run, tasks):
    table = outputs(run, SCORES, "trained/onnx-fp32")
    given = table.column("predicted_score").to_numpy()
    assert given.max() > 2  # beyond any sigmoid
    assert pearsonr(table.column("score").to_numpy(), given).statistic > 0.8
    assert tasks[SCORES]["deployments"]["trained/onnx-fp32@onnxruntime-cpu"]["quality"]["spearman"] > 0.8


def test_training_learns_the_classes(tasks):
    assert tasks[CLASSES]["deployments"]["encoder/onnx-fp32@onnxruntime-cpu"]["quality"]["accuracy"] > 0.8


def test_figures_are_scipys_on_the_same_outputs(run, tasks):
    deployments = tasks[SCORES]["characteristics"]["pair_scores"]["deployments"]
    base = outputs(run, SCORES, "cross/onnx-fp32").column("predicted_score").to_numpy()
    for name in ("cross/onnx-int8-dynamic", "trained/onnx-fp32"):
        table = outputs(run, SCORES, name)
        gold, given = (table.column(column).to_numpy() for column in ("score", "predicted_score"))
        found = deployments[f"{name}@onnxruntime-cpu"]
        wanted = {
            "spearman": spearmanr(gold, given),
            "pearson": pearsonr(gold, given),
            "with_reference": spearmanr(base, given),
            "kendall_with_reference": kendalltau(base, given),
        }
        for figure, result in wanted.items():
            assert found[figure]["value"] == pytest.approx(result.statistic, abs=1e-6), figure
        assert found["score_change"]["value"] == pytest.approx(np.abs(given - base).mean(), abs=1e-9)
        quality = tasks[SCORES]["deployments"][f"{name}@onnxruntime-cpu"]["quality"]
        assert quality["accuracy"] == pytest.approx(((gold >= 2.5) == (given >= 0.5)).mean())


def test_the_characteristics_that_are_defined_are_there(tasks):
    classes, scores = (tasks[name]["characteristics"] for name in (CLASSES, SCORES))
    of_others = ["retrieval", "embedding_quantization", "reranking", "entities", "label_sets"]
    absent = ["pair_scores", *of_others, "explanation"]
    assert [name for name, found in classes.items() if found is None] == absent
    absent = [*of_others, "data_distribution", "adversarial_attack", "calibration", "explanation"]
    assert [name for name, found in scores.items() if found is None] == absent
    assert scores["prediction_errors"]["strata"]["all"]["divergences"] == {}


def test_the_attack_changes_the_second_text_alone(folder, tasks):
    attack = tasks[CLASSES]["characteristics"]["adversarial_attack"]
    assert attack["method"] == "BERT-ATTACK of the text_pair"
    told = {second for _, second, _, _ in pairs(60, 2)}
    shown = [one["original"] for one in attack["examples"]]
    assert shown and set(shown) <= told


def test_the_report_shows_it(folder, run):
    full, page = reported(run)
    for words in ("Does it order the pairs as the data do?", "Kendall", "Left out: text-pair-regression", "overlap"):
        assert words in full
    assert "Does it order the pairs as the data do?" in page


def test_the_gate_holds_it(folder, run):
    rules = [
        {"tasks": SCORES, "deployments": "cross/onnx-int8-dynamic@*", "limits": {"spearman-change": "at least -0.5"}},
        {"tasks": CLASSES, "deployments": "encoder/onnx-int8-dynamic@*", "limits": {"score": "at least 50 %"}},
    ]
    assert gated(run, *rules) == "gate: passed: of 2 limits 2 passed"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (f"tasks.{SCORES}.threshold=null", f"tasks.{SCORES}.threshold: is missing; give the score from which on"),
        (f"tasks.{SCORES}.threshold=.nan", f"tasks.{SCORES}.threshold.data:"),
        (f"tasks.{SCORES}.labels=[a,b]", "is not for text-pair-regression: there are no classes"),
        (f"tasks.{SCORES}.models.cross={{checkpoint: {{folder: encoder}}}}", "has 2 outputs: a regression has one"),
        (f"tasks.{SCORES}.models.trained.training={{distillation: {{}}}}", "soft labels are probabilities of classes"),
        (f"tasks.{CLASSES}.models.encoder={{checkpoint: {{folder: cross}}}}", "text-pair-regression takes one output"),
        (f"tasks.{CLASSES}.threshold=1", "text-pair-classification scores nothing that it could divide"),
        (f"tasks.{CLASSES}.data.evaluation={{table: pairs.csv, text_pair: none}}", "no column 'none'"),
        (f"tasks.{CLASSES}.characteristics.attack.target=question", "'question' is no part of"),
        (f"tasks.{CLASSES}.characteristics.explanation={{}}", "LIME and SHAP are asked about one text"),
    ],
)
def test_bad_input_is_one_line(folder, override, message):
    assert message in refused(folder, override)


def test_an_activation_that_is_not_known_is_one_line(folder, tmp_path):
    for file in (folder / "cross").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    _write_config(tmp_path, sentence_transformers={"activation_fn": "torch.nn.modules.activation.Tanh"})
    override = f"tasks.{SCORES}.models.cross.checkpoint.folder={tmp_path}"
    assert "Tanh" in refused(folder, override)
