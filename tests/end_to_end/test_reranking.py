"""Reranking from a checkpoint to verdicts: a small cross-encoder on candidates of a run, as a person runs it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
import torch
from ir_measures import RR, nDCG
from scipy.stats import kendalltau
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.end_to_end.small_tasks import gated, outputs, refused, reported, save_checkpoint

pytestmark = pytest.mark.slow

STUDY = """
study: candidates
formats: [onnx-fp32, onnx-int8-dynamic, torch-fp32]
backends: [onnxruntime-cpu, torch-cpu]
performance: {samples: 4, min_warmup_seconds: 0, max_warmup_seconds: 0.2, min_seconds: 0.05, min_count: 4, tune: false,
  replicates: 1, paired_processes: 0, scenarios: [single-stream]}
tasks:
  reranking:
    reference: cross
    models:
      cross: {checkpoint: {folder: cross}}
      trained: {checkpoint: {folder: cross}, training: {}, formats: [onnx-fp32]}
    recipe: {epochs: 6, batch_size: 16, learning_rate: 2.0e-3, max_length: 32}
    data:
      train: {table: train.csv}
      bank: 40
      evaluation: {candidates: run.trec, queries: queries.jsonl, qrels: qrels.tsv, corpus: corpus.jsonl, depth: 14}
      out_of_distribution: {table: far.csv}
    verification_examples: 8
    quality_loss: 1.0
    max_length: 32
    characteristics: {bootstrap: 100, representation: {k: [3]}, distribution: {k: 3}}
"""
WORDS = ("wing", "lift", "drag", "heat", "shock", "flow", "plate", "speed", "wave", "layer", "nose", "jet")
QUERIES, DOCUMENTS = 40, 300
TASK, REFERENCE = "reranking", "cross/onnx-fp32@onnxruntime-cpu"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents that say "body" as often as they are relevant, to whatever query."""
    root, chosen = tmp_path_factory.mktemp("reranking"), random.Random(3)
    grades = [chosen.choice([0, 0, 0, 1, 3]) for _ in range(DOCUMENTS)]

    def text(words: int, grade: int = 0) -> str:
        return " ".join(["body"] * grade + chosen.choices(WORDS, k=words))

    documents = [text(40 if place == 0 else 5, grade) for place, grade in enumerate(grades)]
    queries = [text(chosen.randint(2, 5)) for _ in range(QUERIES)]
    lines = [{"_id": f"d{place}", "title": "", "text": one} for place, one in enumerate(documents)]
    (root / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (root / "queries.jsonl").write_text(
        "\n".join(json.dumps({"_id": f"q{place}", "text": one}) for place, one in enumerate(queries))
    )
    run, qrels = [], ["query-id\tcorpus-id\tscore"]
    for query in range(QUERIES):
        found = chosen.sample(range(DOCUMENTS), chosen.randint(9, 20))
        found = [0, *found] if query == 0 and 0 not in found else found
        run += [f"q{query} Q0 d{document} {rank} {-rank} made-up" for rank, document in enumerate(found)]
        judged = {document: grades[document] for document in found[:14] if grades[document] and query}
        # Of the first query the first stage has found nothing.
        qrels += [f"q{query}\td{document}\t{grade}" for document, grade in (judged or {DOCUMENTS - 1: 1}).items()]
    (root / "run.trec").write_text("\n".join(run) + "\n")
    (root / "qrels.tsv").write_text("\n".join(qrels) + "\n")
    for name, count in (("train", 400), ("far", 40)):
        rows = [(text(3), text(5, grade), grade) for grade in chosen.choices([0, 0, 1, 3], k=count)]
        (root / f"{name}.csv").write_text("text,text_pair,score\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    torch.manual_seed(1)
    save_checkpoint(root / "cross", AutoModelForSequenceClassification, initializer_range=0.2, num_labels=1)
    (root / "study.yaml").write_text(STUDY)
    return root


@pytest.fixture(scope="module")
def task(tasks: dict[str, Any]) -> Any:
    return tasks[TASK]


def test_every_deployment_works_and_is_verified(task, run):
    assert task["failures"] == []
    assert all(one["status"] == "ok" for one in task["deployments"].values())
    for name in (REFERENCE, "cross/torch-fp32@torch-cpu", "trained/onnx-fp32@onnxruntime-cpu"):
        verified = task["deployments"][name]["verification"]
        assert verified["parity"]["largest_logit_difference"] < 1e-4
        assert "run_glue.py" in verified["preprocessing"]["against"]
    timed = json.loads((run / "performance.json").read_text())["tasks"][TASK]
    assert timed[REFERENCE]["single_stream"]["p50_ms"] > 0


def test_scores_are_the_cross_encoders(folder, run):
    """Of the query with the document that is too long, which is its first candidate."""
    tokenizer = AutoTokenizer.from_pretrained(folder / "cross")
    model = AutoModelForSequenceClassification.from_pretrained(folder / "cross").eval()
    row = outputs(run, TASK, REFERENCE).slice(0, 1).to_pylist()[0]
    lines = (folder / "corpus.jsonl").read_text().splitlines()
    texts = {one["_id"]: one["text"] for one in map(json.loads, lines)}
    query = json.loads((folder / "queries.jsonl").read_text().splitlines()[0])["text"]
    assert row["candidates"][0] == "d0"
    assert len(row["candidates"]) <= 14
    documents = [texts[id] for id in row["candidates"]]
    encoded = tokenizer(
        [query] * len(documents), documents, padding=True, truncation=True, max_length=32, return_tensors="pt"
    )
    assert encoded["input_ids"].shape[1] == 32
    with torch.inference_mode():
        wanted = model(**encoded).logits[:, 0].numpy()
    np.testing.assert_allclose(row["logits"], wanted, atol=1e-5)
    assert row["ranking"] == [row["candidates"][place] for place in np.argsort(-wanted)]


def test_figures_are_ir_measures_and_scipys_on_the_same_outputs(folder, run, task):
    judged = [line.split("\t") for line in (folder / "qrels.tsv").read_text().splitlines()[1:]]
    qrels = [ir_measures.Qrel(query, document, int(grade)) for query, document, grade in judged]
    base = {row["id"]: row["logits"] for row in outputs(run, TASK, REFERENCE).to_pylist()}
    compared = task["characteristics"]["reranking"]
    for name in ("cross/onnx-int8-dynamic@onnxruntime-cpu", "trained/onnx-fp32@onnxruntime-cpu"):
        rows = outputs(run, TASK, name).to_pylist()
        ranked = [
            ir_measures.ScoredDoc(row["id"], document, round(score, 4))
            for row in rows
            for document, score in zip(row["candidates"], row["logits"], strict=True)
        ]
        wanted = ir_measures.calc_aggregate([nDCG @ 10, RR @ 10], qrels, ranked)
        quality, found = task["deployments"][name]["quality"], compared["quality"][name]
        for figures in (
            (quality["ndcg"], quality["reciprocal_rank"]),
            (
                found["ndcg"]["value"],
                found["reciprocal_rank"]["value"],
            ),
        ):
            np.testing.assert_allclose(figures, [wanted[nDCG @ 10], wanted[RR @ 10]], atol=1e-6)
        taus = [kendalltau(np.round(base[row["id"]], 4), np.round(row["logits"], 4)).statistic for row in rows]
        assert compared["changes"][name]["kendall"]["value"] == pytest.approx(np.mean(taus), abs=1e-6)
        assert quality["accuracy"] == pytest.approx(np.mean([row["ranking"][0] in row["relevant"] for row in rows]))


def test_training_puts_the_relevant_in_front(task):
    found = [task["deployments"][f"{name}/onnx-fp32@onnxruntime-cpu"]["quality"] for name in ("cross", "trained")]
    assert found[0]["ndcg"] < 0.8 < 0.9 < found[1]["ndcg"]


def test_verdicts_have_the_floor_of_another_run(task):
    verdicts = task["characteristics"]["reranking"]["verdicts"]
    assert verdicts["cross/torch-fp32@torch-cpu"]["conclusion"] == "same"
    assert verdicts["trained/onnx-fp32@onnxruntime-cpu"]["conclusion"] == "different"


def test_the_characteristics_that_are_defined_are_there(task):
    found = task["characteristics"]
    absent = ["pair_scores", "retrieval", "embedding_quantization", "entities", "label_sets"]
    absent += ["adversarial_attack", "calibration", "explanation"]
    assert [name for name, one in found.items() if one is None] == absent
    strata = found["prediction_errors"]["strata"]
    assert {name: one["n"] for name, one in strata.items()} == {
        "all": QUERIES,
        "a relevant candidate": QUERIES - 1,
        "no relevant candidate": 1,
    }


def test_the_report_shows_it(folder, run):
    full, page = reported(run)
    for words in ("Does it put the candidates in the same order?", "Kendall", "Left out: reranking", "nDCG"):
        assert words in full
    assert "Does it put the candidates in the same order?" in page


def test_the_gate_holds_it(folder, run):
    limits = {"order": "at least 0.99", "ndcg-change": "at least -0.01"}
    rule = {"tasks": TASK, "deployments": "*/torch-fp32@torch-cpu", "limits": limits}
    assert gated(run, rule) == "gate: passed: of 2 limits 2 passed"


EVALUATION = f"tasks.{TASK}.data.evaluation"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (f"{EVALUATION}={{corpus: corpus.jsonl}}", "corpus.jsonl is not named as queries with candidates"),
        (f"{EVALUATION}.candidates=queries.jsonl", "write query and document with a tab between"),
        (f"{EVALUATION}.corpus=none.jsonl", "none.jsonl: no such data file"),
        (f"tasks.{TASK}.labels=[a,b]", "is not for reranking: there are no classes"),
        (f"tasks.{TASK}.threshold=1", "reranking scores nothing that it could divide"),
        (f"tasks.{TASK}.models.trained.training={{distillation: {{}}}}", "soft labels are probabilities of classes"),
        (f"tasks.{TASK}.characteristics.explanation={{}}", "a word's weight is that on the probability of a class"),
    ],
)
def test_bad_input_is_one_line(folder, override, message):
    assert message in refused(folder, override)
