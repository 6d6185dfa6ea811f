"""Embeddings from a checkpoint to verdicts: two tasks on a small random encoder, as a person runs them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import ir_measures
import numpy as np
import pytest
import torch
from ir_measures import RR, R, nDCG
from scipy.stats import spearmanr
from transformers import AutoModel, AutoTokenizer

from tests.end_to_end.driver import scalemodel
from tests.end_to_end.small_tasks import gated, outputs, refused, save_checkpoint

pytestmark = pytest.mark.slow

STUDY = """
study: embeddings
formats: [onnx-fp32, onnx-int8-dynamic, torch-fp32]
backends: [onnxruntime-cpu, torch-cpu]
performance: null
tasks:
  sentence-similarity:
    reference: encoder
    models: &models
      encoder: {checkpoint: {folder: encoder}}
    data:
      train: {table: texts.csv}
      bank: 40
      evaluation: {table: pairs.csv, text_pair: other, score: likeness}
      out_of_distribution: {corpus: corpus.jsonl}
    verification_examples: 8
    max_length: 64
    characteristics: {bootstrap: 100, representation: {k: [3]}, distribution: {k: 3}}
  retrieval:
    reference: encoder
    models: *models
    data:
      corpus: {corpus: corpus.jsonl}
      evaluation: {queries: queries.jsonl, qrels: qrels.tsv}
    verification_examples: 8
    max_length: 64
    characteristics: {bootstrap: 100, representation: {k: [3]}}
"""
WORDS = ("wing", "lift", "drag", "heat", "shock", "flow", "plate", "body", "speed", "wave", "layer", "nose", "jet")
QUERY = "find: "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("embeddings")
    chosen = random.Random(5)

    def text(words: int) -> str:
        return " ".join(chosen.choices(WORDS, k=words))

    documents = [text(chosen.randint(4, 20)) for _ in range(60)]
    lines = [{"_id": f"d{index}", "title": "", "text": one} for index, one in enumerate([*documents, ""])]
    (root / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    queries = [{"_id": f"q{index}", "text": documents[index].split(" ", 2)[2]} for index in range(30)]
    (root / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    rows = [f"q{index}\td{index}\t2\nq{index}\td{59 - index}\t1" for index in range(30)]
    (root / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows, "q0\tgone\t1"]) + "\n")
    pairs = [(a, a if index % 3 else text(6), index % 11 / 2) for index, a in enumerate(documents)]
    (root / "pairs.csv").write_text("text,other,likeness\n" + "".join(f"{a},{b},{score}\n" for a, b, score in pairs))
    (root / "texts.csv").write_text("text\n" + "".join(f"{text(8)}\n" for _ in range(40)))
    save_encoder(root / "encoder")
    (root / "study.yaml").write_text(STUDY)
    return root


def save_encoder(folder: Path) -> None:
    torch.manual_seed(1)
    save_checkpoint(folder, AutoModel, initializer_range=0.3)
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for kind, path in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": QUERY}}))


def test_every_deployment_works_and_is_verified(tasks):
    for task in tasks.values():
        assert task["failures"] == []
        assert all(one["status"] == "ok" for one in task["deployments"].values())
        parity = {name: one["verification"]["parity"] for name, one in task["deployments"].items()}
        assert parity["encoder/onnx-fp32@onnxruntime-cpu"]["largest_representation_difference"] < 1e-5
        assert parity["encoder/torch-fp32@torch-cpu"]["largest_representation_difference"] < 1e-5


def test_embeddings_are_those_of_the_checkpoint_pooled_normalised_and_prompted(folder, run):
    tokenizer, model = AutoTokenizer.from_pretrained(folder / "encoder"), AutoModel.from_pretrained(folder / "encoder")
    query = json.loads((folder / "queries.jsonl").read_text().splitlines()[0])["text"]
    with torch.inference_mode():
        hidden = model.eval()(**tokenizer(QUERY + query, return_tensors="pt")).last_hidden_state[0, 0].numpy()
    found = outputs(run, "retrieval", "onnx-fp32", "evaluation").column("representation")[0].as_py()
    np.testing.assert_allclose(found, hidden / np.linalg.norm(hidden), atol=1e-5)


def test_relevant_documents_that_are_not_in_the_corpus_are_a_caution_of_the_report(folder, run):
    for options in (["--cautions"], ["--full"], []):
        told = " ".join(scalemodel("report", run, *options, cwd=folder).stdout.split())
        assert "1 of 61 relevant documents, such as 'gone', are not in the corpus" in told, options


def test_retrievals_figures_are_ir_measures_on_the_same_outputs(folder, run, tasks):
    for deployment in ("onnx-fp32", "onnx-int8-dynamic"):
        documents = outputs(run, "retrieval", deployment, "corpus")
        queries = outputs(run, "retrieval", deployment, "evaluation")
        vectors = [np.array(table.column("representation").to_pylist(), np.float32) for table in (queries, documents)]
        scores = vectors[0] @ vectors[1].T
        ids = documents.column("id").to_pylist()
        ranked = [
            ir_measures.ScoredDoc(query, ids[document], float(scores[row, document]))
            for row, query in enumerate(queries.column("id").to_pylist())
            for document in np.argsort(-scores[row])[:100]
        ]
        judged = [line.split("\t") for line in (folder / "qrels.tsv").read_text().splitlines()[1:]]
        qrels = [ir_measures.Qrel(query, document, int(grade)) for query, document, grade in judged]
        wanted = ir_measures.calc_aggregate([nDCG @ 10, R @ 100, RR], qrels, ranked)
        quality = tasks["retrieval"]["deployments"][f"encoder/{deployment}@onnxruntime-cpu"]["quality"]
        found = (quality["ndcg"], quality["recall"], quality["reciprocal_rank"])
        np.testing.assert_allclose(found, [wanted[nDCG @ 10], wanted[R @ 100], wanted[RR]], atol=1e-6)


def test_similaritys_figure_is_scipys_on_the_same_outputs(run, tasks):
    for deployment in ("onnx-fp32", "onnx-int8-dynamic"):
        table = outputs(run, "sentence-similarity", deployment, "evaluation")
        wanted = spearmanr(table.column("score").to_numpy(), table.column("predicted_score").to_numpy()).statistic
        quality = tasks["sentence-similarity"]["deployments"][f"encoder/{deployment}@onnxruntime-cpu"]["quality"]
        assert quality["spearman"] == pytest.approx(wanted, abs=1e-6)


def test_the_characteristics_that_are_defined_are_there(tasks):
    similarity, retrieval = (tasks[name]["characteristics"] for name in ("sentence-similarity", "retrieval"))
    assert retrieval["embedding_quantization"] is not None
    assert similarity["embedding_quantization"] is None
    for found in (similarity, retrieval):
        assert found["prediction_errors"] is not None
        assert found["data_representation"] is not None
        assert found["affected"] is not None
        assert (found["calibration"], found["adversarial_attack"], found["explanation"]) == (None, None, None)
    assert similarity["data_distribution"] is not None
    assert similarity["pair_scores"] is not None
    assert similarity["retrieval"] is None
    assert retrieval["pair_scores"] is None


def test_the_index_may_stay_for_what_is_the_same(tasks):
    mixed = {(one["index"], one["queries"]): one for one in tasks["retrieval"]["characteristics"]["retrieval"]["mixed"]}
    reference, torch_ = "encoder/onnx-fp32@onnxruntime-cpu", "encoder/torch-fp32@torch-cpu"
    assert mixed[reference, torch_]["verdict"] == "same index"
    assert mixed[torch_, reference]["verdict"] == "same index"
    assert {name for pair in mixed for name in pair} >= {"encoder/onnx-int8-dynamic@onnxruntime-cpu"}


def test_the_report_shows_it(folder, run):
    done = scalemodel("report", run, "--full", cwd=folder)
    assert done.returncode == 0, done.stderr
    for words in (
        "May the index stay?",
        "same index",
        "nDCG",
        "Left out: retrieval",
        "a similarity is no probability",
    ):
        assert words in done.stdout


def test_a_finding_says_whether_the_index_may_stay(folder, run):
    done = scalemodel("report", run, "--format", "json", cwd=folder)
    found = [one for one in json.loads(done.stdout)["findings"]["retrieval"] if one["rule"] == "index"]
    (same,) = [one for one in found if "may stay for" in one["text"]]
    assert "encoder/torch-fp32@torch-cpu" in same["deployments"]


def test_the_gate_holds_it(folder, run):
    rule = {"tasks": "retrieval", "deployments": "*/torch-fp32@torch-cpu"}
    limits = {"index-change": "at least -0.01", "ndcg-change": "at least -0.01", "first-ten": "at least 0.99"}
    assert gated(run, {**rule, "limits": limits}) == "gate: passed: of 3 limits 3 passed"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tasks.retrieval.data.corpus=null", "tasks.retrieval.data.corpus: is missing"),
        ("tasks.retrieval.labels=[a,b]", "tasks.retrieval.labels: is not for retrieval: there are no classes"),
        ("tasks.retrieval.data.evaluation={table: pairs.csv}", "pairs.csv is not named as queries"),
        ("tasks.sentence-similarity.data.evaluation={table: pairs.csv}", "no column 'text_pair'"),
        ("tasks.sentence-similarity.data.evaluation={corpus: corpus.jsonl}", "corpus.jsonl is not named as pairs"),
        ("tasks.retrieval.data.corpus={corpus: none.jsonl}", "none.jsonl"),
        ("tasks.sentence-similarity.characteristics.indexes=[int8]", "indexes: there is no data.corpus"),
    ],
)
def test_bad_input_is_one_line(folder, override, message):
    assert message in refused(folder, override)


def test_validate_says_what_is_left_out(folder):
    done = scalemodel("validate", "study.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "left out: adversarial attack of sentence-similarity: the attack asks for probabilities" in done.stdout
    assert "adversarial attack of retrieval" not in done.stdout
