"""Token classification from words with tags to verdicts, as a person runs it: a small tagger, trained here."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from seqeval.metrics import f1_score, precision_score, recall_score
from transformers import AutoModelForTokenClassification, AutoTokenizer

from harness.checkpoints.labels import written_labels
from tests.end_to_end.small_tasks import gated, outputs, refused, reported, save_checkpoint

pytestmark = pytest.mark.slow

LABELS = ["O", "B-person", "I-person", "B-place", "I-place"]
STUDY = """
study: tagging
formats: [onnx-fp32, onnx-int8-static, torch-fp32]
backends: [onnxruntime-cpu, torch-cpu]
performance: {samples: 8, min_warmup_seconds: 0, max_warmup_seconds: 0.2, min_seconds: 0.05, min_count: 8, tune: false,
  replicates: 1, paired_processes: 0, scenarios: [single-stream]}
tasks:
  token-classification:
    reference: tagger
    labels: [O, B-person, I-person, B-place, I-place]
    models:
      tagger: {checkpoint: {folder: encoder}, training: {}}
    recipe: {epochs: 6, batch_size: 8, learning_rate: 3.0e-3, max_length: 32}
    data:
      train: {tagged: train.conll}
      bank: 40
      evaluation: {tagged: evaluation.jsonl}
      out_of_distribution: {table: other.csv}
    verification_examples: 8
    max_length: 32
    characteristics: {bootstrap: 100, representation: {k: [3]}, distribution: {k: 3}}
"""
PEOPLE, PLACES = ("anna bell", "tom", "mary ann hill"), ("paris", "new york", "rome")
FILLERS = ("then {} went home", "we saw {} again and again", "it was {} who said so", "the house of {} is old")
TASK, REFERENCE = "token-classification", "tagger/onnx-fp32@onnxruntime-cpu"


def tagged(chosen: random.Random) -> tuple[list[str], list[str]]:
    """A few clauses; one sentence in eight is longer than a window."""
    words: list[str] = []
    tags: list[str] = []
    for _ in range(12 if chosen.random() < 1 / 8 else chosen.randint(1, 3)):
        before, _, after = chosen.choice(FILLERS).partition("{}")
        kind, names = chosen.choice([("person", PEOPLE), ("place", PLACES), ("", ("nobody", "the old thing"))])
        name = chosen.choice(names).split()
        words += [*before.split(), *name, *after.split()]
        own = [f"B-{kind}", *[f"I-{kind}"] * (len(name) - 1)] if kind else ["O"] * len(name)
        tags += ["O"] * len(before.split()) + own + ["O"] * len(after.split())
    return words, tags


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tagging")
    chosen = random.Random(3)
    sentences = [tagged(chosen) for _ in range(160)]
    lines = ["\n".join(f"{word}\t{tag}" for word, tag in zip(*one, strict=True)) for one in sentences]
    (root / "train.conll").write_text("\n\n".join(lines) + "\n")
    rows = [dict(zip(("tokens", "ner_tags"), tagged(chosen), strict=True)) for _ in range(80)]
    (root / "evaluation.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (root / "other.csv").write_text("text\n" + "".join(f"{' '.join(tagged(chosen)[0])} !\n" for _ in range(30)))
    torch.manual_seed(1)
    fields = {"max_position_embeddings": 32, **written_labels(LABELS)}
    save_checkpoint(root / "encoder", AutoModelForTokenClassification, **fields)
    (root / "study.yaml").write_text(STUDY)
    return root


@pytest.fixture(scope="module")
def task(tasks: dict[str, Any]) -> Any:
    return tasks[TASK]


def test_every_deployment_works_and_is_verified(task: dict[str, Any]) -> None:
    assert task["failures"] == []
    deployments = {name: one for name, one in task["deployments"].items() if one["replicate_of"] is None}
    assert len(deployments) == 3
    assert all(one["status"] == "ok" for one in deployments.values())
    for name in (REFERENCE, "tagger/torch-fp32@torch-cpu"):
        verified = deployments[name]["verification"]
        assert verified["parity"]["largest_logit_difference"] < 1e-3
        assert verified["parity"]["decision_agreement"] == 1
        assert verified["preprocessing"]["against"].endswith("run_ner.py calls it")
    notes = deployments[REFERENCE]["verification"]["preprocessing"]["notes"]
    assert any("too long for a window become several" in note for note in notes)


def test_the_tagger_has_learned(task: dict[str, Any]) -> None:
    assert task["deployments"][REFERENCE]["quality"]["entity_f1"] > 0.8


def test_logits_are_the_checkpoints_at_each_words_first_token(folder: Path, run: Path) -> None:
    words = json.loads((folder / "evaluation.jsonl").read_text().splitlines()[0])["tokens"]
    (checkpoint,) = (path.parent for path in folder.glob("runs/**/training/*/model.safetensors"))
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        logits = AutoModelForTokenClassification.from_pretrained(checkpoint).eval()(**encoded).logits[0]
    first = [encoded.word_ids().index(word) for word in range(len(words))]
    found = outputs(run, TASK, REFERENCE).column("logits")[0].as_py()
    torch.testing.assert_close(torch.tensor(found), logits[first], atol=1e-3, rtol=1e-3)


def test_the_figures_are_seqevals_on_the_same_outputs(run: Path, task: dict[str, Any]) -> None:
    for name, deployment in task["deployments"].items():
        if deployment["replicate_of"] is not None:
            continue
        table = outputs(run, TASK, name)
        gold, found = (table.column(column).to_pylist() for column in ("tags", "predicted_tags"))
        wanted = [score(gold, found) for score in (f1_score, precision_score, recall_score)]
        quality, compared = deployment["quality"], task["characteristics"]["entities"]["quality"][name]
        assert [quality[f"entity_{one}"] for one in ("f1", "precision", "recall")] == pytest.approx(wanted, abs=1e-6)
        assert [compared[one]["value"] for one in ("f1", "precision", "recall")] == pytest.approx(wanted, abs=1e-6)


def test_the_characteristics_that_are_defined_are_there(task: dict[str, Any]) -> None:
    found = task["characteristics"]
    there = {name for name, result in found.items() if result is not None}
    assert there == {
        "prediction_errors",
        "entities",
        "data_representation",
        "data_distribution",
        "calibration",
        "affected",
    }
    assert {"all", "with entities", "without entities"} == found["prediction_errors"]["strata"].keys()
    assert found["entities"]["errors"]["recalls"].keys() == {"person", "place"}
    verdicts = found["entities"]["verdicts"]
    assert verdicts["tagger/torch-fp32@torch-cpu"]["conclusion"] == "same"


def test_report_page_and_gate_show_it(folder: Path, run: Path) -> None:
    full, page = reported(run)
    for words in (
        "Does it find the entities of the data?",
        "Does it find the reference's entities?",
        "Recall: how many entities of a class are right",
        "Left out: token-classification",
        "the attack turns one decision about a text",
    ):
        assert words in full, words
    assert "Does it find the entities of the data?" in page
    rule = {"tasks": "token-classification", "deployments": "*/torch-fp32@torch-cpu"}
    limits = {
        "entities-shared": "at least 0.99",
        "entity-f1-change": "at least -0.01",
        "recall of place": "at least 1 %",
    }
    assert gated(run, {**rule, "limits": limits}) == "gate: passed: of 3 limits 3 passed"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("labels=null", "labels: needs different tags, O among them, got none"),
        ("labels=[O, person]", "labels: 'person' is no tag of IOB2"),
        ("labels=[O, B-person, S-person]", "labels: 'S-person' is no tag of IOB2 (data in BIOES is read"),
        ("labels=[O, I-person]", "labels: 'I-person' is there, and B-person is not"),
        ("labels=[O, B-person, I-person]", "train.conll: line"),
        ("data.evaluation={table: other.csv}", "other.csv is not named as words with tags"),
        ("question_answering={}", "question_answering: is not for token-classification"),
        ("characteristics.explanation={method: lime}", "characteristics.explanation: is not for token-classification"),
    ],
)
def test_bad_input_is_one_line(folder: Path, override: str, message: str) -> None:
    said = refused(folder, f"tasks.token-classification.{override}")
    assert message in said and len(said.splitlines()) == 1
