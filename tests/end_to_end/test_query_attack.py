"""Retrieval under attack, its embeddings in fewer bytes, and what nobody asks of its corpus: from study to report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from harness.demo.corpora import generate
from tests.end_to_end.driver import scalemodel
from tests.end_to_end.test_embeddings import QUERY, save_encoder

pytestmark = pytest.mark.slow

STUDY = """
study: queries
formats: [onnx-fp32, onnx-int8-dynamic]
performance: {scenarios: [single-stream], min_seconds: 0.1, min_warmup_seconds: 0, samples: 8, paired_processes: 2}
tasks:
  retrieval:
    reference: encoder
    models: {encoder: {checkpoint: {folder: encoder}}}
    data:
      train: {corpus: corpus.jsonl}
      bank: 80
      corpus: {corpus: corpus.jsonl}
      evaluation: {queries: queries.jsonl, qrels: qrels.tsv}
      out_of_distribution: {table: others.csv}
    verification_examples: 8
    max_length: 64
    characteristics:
      bootstrap: 100
      representation: {k: [3]}
      distribution: {k: 3}
      indexes: [int8, binary]
      attack: {masked_language_model: {checkpoint: {embedded: reviews}}, sample: 10, candidates: 6}
"""
FP32, INT8 = "encoder/onnx-fp32@onnxruntime-cpu", "encoder/onnx-int8-dynamic@onnxruntime-cpu"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("queries")
    texts = [next(iter(one.parts.values())) for one in generate("text-classification", "evaluation", 90, 0)]
    lines = [{"_id": f"d{index}", "title": "", "text": one} for index, one in enumerate(texts)]
    (root / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    queries = [{"_id": f"q{index}", "text": " ".join(one.split()[:-3])} for index, one in enumerate(texts[:40])]
    (root / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (root / "qrels.tsv").write_text("query\tdocument\tscore\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(40)))
    (root / "others.csv").write_text("text\n" + "".join(f"wing lift drag heat {index}\n" for index in range(30)))
    save_encoder(root / "encoder")
    model = AutoModel.from_pretrained(root / "encoder")
    model.embeddings.position_embeddings.weight.data.zero_()  # a query is then near the text that it is the begin of
    model.save_pretrained(root / "encoder")
    (root / "study.yaml").write_text(STUDY)
    return root


@pytest.fixture(scope="module")
def found(run: Path) -> dict[str, Any]:
    task: dict[str, Any] = json.loads((run / "results.json").read_text())["tasks"]["retrieval"]
    assert task["failures"] == []
    return task["characteristics"]


def test_attacked_queries_lose_their_documents(folder, run, found):
    """The checkpoint itself embeds the changed query, and the run's own index is searched."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder / "encoder"), AutoModel.from_pretrained(folder / "encoder")
    (file,) = run.glob("outputs/retrieval/*onnx-fp32*/corpus.parquet")
    corpus = pq.read_table(file)
    documents, ids = np.array(corpus.column("representation").to_pylist()), corpus.column("id").to_pylist()

    def first_ten(query: str) -> list[str]:
        with torch.inference_mode():
            inputs = tokenizer(QUERY + query, return_tensors="pt", truncation=True, max_length=64)
            hidden = model.eval()(**inputs).last_hidden_state[0, 0].numpy()
        return [ids[number] for number in np.argsort(-(documents @ hidden))[:10]]

    attack = found["adversarial_attack"]
    figures = attack["deployments"][FP32]
    assert figures["success_rate"]["value"] > 0
    assert figures["accuracy_after"]["value"] < figures["accuracy_before"]["value"]
    examples = [one for one in (*attack["examples"], *attack["alone"]) if one["deployment"] == FP32]
    assert examples
    for one in examples:
        document = one["id"].partition(":")[2].replace("q", "d")
        assert document in first_ten(one["original"])
        assert document not in first_ten(one["adversarial"])
        assert len(one["original"].split()) == len(one["adversarial"].split())


def test_what_was_crafted_on_one_is_shown_to_the_other_with_its_own_index(found):
    rows = {row["source"]: row["rates"] for row in found["adversarial_attack"]["transfers"]}
    assert rows[FP32][FP32]["value"] == 1
    assert INT8 in rows[FP32]


def test_embeddings_are_held_in_fewer_bytes(found):
    kept = found["embedding_quantization"]
    assert kept["kinds"] == ["int8", "binary"]
    assert set(kept["indexes"]) == {FP32, INT8}  # and no second run
    for own in kept["indexes"].values():
        assert {kind: one["bytes_per_vector"] for kind, one in own.items()} == {"int8": 32, "binary": 4}
        assert own["int8"]["overlap"]["value"] > own["binary"]["overlap"]["value"]
        assert own["int8"]["verdict"]["floor_kind"] == "execution"


def test_searches_are_timed_and_no_part_of_the_results(run):
    timed = json.loads((run / "performance.json").read_text())["tasks"]["retrieval"]
    assert timed[FP32]["searches"] == timed[INT8]["searches"]  # of one model
    for one in timed[FP32]["searches"].values():
        assert one["processes"] == 2 and one["ratio"] > 0 and one["float32_ms"] > 0
    assert "float32_ms" not in (run / "results.json").read_text()


def test_what_is_out_of_distribution_is_embedded_as_queries_are(run, found):
    (file,) = run.glob("outputs/retrieval/*onnx-fp32*/out-of-distribution.parquet")
    assert "relevant" in pq.read_table(file).column_names
    assert set(found["data_distribution"]["detectors"]) >= {FP32, INT8}


def test_the_report_shows_all_of_it(folder, run):
    done = scalemodel("report", run, "--full", cwd=folder)
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    for words in (
        "May the embeddings be stored in fewer bytes?",
        "Embeddings stored in int8 (25.0 % of the bytes)",
        "search speed-up: one query on one thread",
        "BERT-ATTACK on 10 queries. before, after: found in 10.",
        "finds nothing relevant on",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("attack.recipe=deepwordbug", "attack.recipe: TextAttack's recipe attacks classes of texts; remove it"),
        ("attack.mode=reference", "attack.mode: the authors' code attacks classes of texts; remove it"),
        ("attack.target=question", "attack.target: 'question' is no part of retrieval; it has text"),
        ("indexes=[int8,int8]", "indexes: names 'int8' twice"),
        ("indexes=[int4]", "indexes.0: input should be 'int8', 'binary' or 'binary-rescored', got 'int4'"),
    ],
)
def test_bad_settings_are_one_line(folder, override, complaint):
    done = scalemodel("validate", "study.yaml", "--set", f"tasks.retrieval.characteristics.{override}", cwd=folder)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert complaint in done.stderr
