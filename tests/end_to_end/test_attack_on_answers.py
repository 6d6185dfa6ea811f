"""Question answering under attack, from the config to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.driver import scalemodel

STUDY = """
study: answers
formats: [onnx-fp32, onnx-int8-dynamic]
performance: null
tasks:
  question-answering:
    reference: small
    models: {small: {checkpoint: {embedded: small}}}
    data:
      train: {embedded: train, size: 80}
      evaluation: {embedded: evaluation, size: 40}
    question_answering: {max_seq_length: 128, doc_stride: 32}
    verification_examples: 8
    execution_floor: false
    characteristics:
      bootstrap: 100
      representation: {k: [5]}
      attack:
        masked_language_model:
          checkpoint: {embedded: reviews}
          training: {epochs: 1, batch_size: 16, learning_rate: 1.0e-3, max_length: 128}
        sample: 12
        candidates: 8
"""
ATTACK = "tasks.question-answering.characteristics.attack"
FP32, INT8 = "small/onnx-fp32@onnxruntime-cpu", "small/onnx-int8-dynamic@onnxruntime-cpu"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "answers.yaml"
    path.write_text(STUDY)
    return path


def attacked(store: Path) -> dict[str, Any]:
    newest = max(store.glob("*/results.json"), key=lambda path: path.stat().st_mtime)
    found: dict[str, Any] = json.loads(newest.read_text())["tasks"]["question-answering"]["characteristics"]
    return found["adversarial_attack"]


@pytest.mark.nightly
def test_questions_then_contexts(config: Path, tmp_path: Path) -> None:
    done = scalemodel("run", config, "--store", tmp_path / "runs", "--full")
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "BERT-ATTACK of the question on 12 questions" in told
    attack = attacked(tmp_path / "runs")
    assert set(attack["deployments"]) == {FP32, INT8}
    figures = attack["deployments"][FP32]
    assert figures["success_rate"]["value"] > 0
    assert figures["accuracy_after"]["value"] < figures["accuracy_before"]["value"]
    rows = {row["source"]: row["rates"] for row in attack["transfers"]}
    assert rows[FP32][FP32]["value"] == 1
    # The words that ask, and the names, stay.
    for example in attack["examples"][:5]:  # as many as the report shows
        said = example["answers"]
        assert said["before"] != said["after"]
        assert said["before"] in told
        before, after = example["original"].split(), example["adversarial"].split()
        assert before[0] == after[0] or before[0].islower()
        assert not any(old != new and old[0].isupper() for old, new in zip(before[1:], after[1:], strict=True))

    # The same study on the context: exports and outputs are there already.
    other = scalemodel("run", config, "--store", tmp_path / "runs", "--full", "--set", f"{ATTACK}.target=context")
    assert other.returncode == 0, other.stderr
    assert "artifacts: 0 steps to do" in other.stderr
    assert "BERT-ATTACK of the context on 12 questions" in " ".join(other.stdout.split())
    for example in attacked(tmp_path / "runs")["examples"]:
        assert len(example["original"].split()) > 20


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("recipe=deepwordbug", "recipe: TextAttack's recipes attack text-classification only"),
        ("mode=reference", "mode: the authors' code attacks text-classification only; remove it"),
        ("target=answer", "target: input should be 'question', 'context', 'text' or 'text_pair', got 'answer'"),
    ],
)
def test_what_does_not_go_with_questions_is_one_line(config: Path, override: str, complaint: str) -> None:
    done = scalemodel("validate", config, "--set", f"{ATTACK}.{override}")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert complaint in done.stderr
