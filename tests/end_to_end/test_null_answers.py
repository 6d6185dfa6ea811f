"""Whether "" may be an answer: as the evaluation data says, as the study says; against transformers either way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import transformers

from harness.demo import write_checkpoint
from harness.demo.corpora import generate
from harness.examples.records import Example, QuestionExample
from tests.end_to_end.driver import scalemodel

pytestmark = pytest.mark.slow

TASK = "question-answering"
STUDY = f"""
study: nulls
formats: [onnx-fp32]
performance: null
tasks:
  {TASK}:
    reference: tiny
    models:
      tiny: {{checkpoint: {{embedded: tiny}}}}
    data:
      train: {{squad: with.json}}
      bank: 40
      evaluation: {{squad: without.json}}
      out_of_distribution: {{squad: with.json}}
    question_answering: {{max_seq_length: 64, doc_stride: 16}}
    verification_examples: 8
    execution_floor: false
    characteristics: {{bootstrap: 100, representation: {{k: [5]}}, distribution: {{k: 5}}}}
"""
SETTINGS = f"tasks.{TASK}.question_answering"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, and questions of which all have an answer, or some have none."""
    root = tmp_path_factory.mktemp("nulls")
    (root / "checkpoint").mkdir()
    write_checkpoint("tiny", TASK, root / "checkpoint")
    questions = generate(TASK, "evaluation", 120, 0)
    write_squad(root / "with.json", questions[:60])
    answerable = [one for one in questions if isinstance(one, QuestionExample) and one.answerable]
    write_squad(root / "without.json", answerable)
    (root / "study.yaml").write_text(STUDY)
    return root


def write_squad(path: Path, questions: Sequence[Example]) -> None:
    paragraphs = []
    for one in questions:
        assert isinstance(one, QuestionExample)
        answers = [
            {"text": text, "answer_start": start} for text, start in zip(one.answers, one.answer_starts, strict=True)
        ]
        paragraphs.append(
            {"context": one.context, "qas": [{"id": one.id, "question": one.question, "answers": answers}]}
        )
    path.write_text(json.dumps({"data": [{"title": "questions", "paragraphs": paragraphs}]}))


def answers(folder: Path, name: str, role: str, *overrides: str) -> dict[str, str]:
    settings = [word for override in (f"study={name}", *overrides) for word in ("--set", override)]
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", *settings, cwd=folder)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob(f"runs/{name}*/outputs/{TASK}/*/{role}.parquet")
    table = pq.read_table(file, columns=["id", "prediction"])
    return dict(zip(table.column("id").to_pylist(), table.column("prediction").to_pylist(), strict=True))


def by_transformers(folder: Path, file: str, *, negative: bool) -> dict[str, str]:
    """As ``run_qa.py`` does it: its call of the tokenizer, and its ``postprocess_qa_predictions`` in short."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "checkpoint")
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder / "checkpoint").eval()
    found = {}
    for paragraph in json.loads((folder / file).read_text())["data"][0]["paragraphs"]:
        (asked,) = paragraph["qas"]
        encoded = tokenizer(
            asked["question"].lstrip(),
            paragraph["context"],
            truncation="only_second",
            max_length=64,
            stride=16,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding="max_length",
            return_tensors="pt",
        )
        offsets = encoded.pop("offset_mapping").tolist()
        encoded.pop("overflow_to_sample_mapping")
        inside = [
            [tuple(pair) if which == 1 else None for pair, which in zip(row, encoded.sequence_ids(index), strict=True)]
            for index, row in enumerate(offsets)
        ]
        with torch.inference_mode():
            said = model(**encoded)
        found[asked["id"]] = best_answer(paragraph["context"], inside, said, negative=negative)
    return found


def best_answer(context: str, inside: list[list[Any]], said: Any, *, negative: bool) -> str:
    spans: list[tuple[float, str]] = []
    null = np.inf
    for offsets, start, end in zip(inside, said.start_logits.numpy(), said.end_logits.numpy(), strict=True):
        null = min(null, start[0] + end[0])
        for first in np.argsort(start)[-1:-21:-1].tolist():
            for last in np.argsort(end)[-1:-21:-1].tolist():
                if offsets[first] is None or offsets[last] is None or not first <= last < first + 30:
                    continue
                spans.append((float(start[first] + end[last]), context[offsets[first][0] : offsets[last][1]]))
    score, text = max(spans)
    return "" if negative and null - score > 0 else text


def test_without_unanswerable_questions_every_question_is_answered(folder: Path) -> None:
    found = answers(folder, "as-the-data-says", "evaluation")
    assert found == by_transformers(folder, "without.json", negative=False)
    assert len(found) > 50 and "" not in found.values()
    # what is asked of the model is the same whatever data it reads
    elsewhere = answers(folder, "as-the-data-says", "out-of-distribution")
    assert elsewhere == by_transformers(folder, "with.json", negative=False)


def test_no_answer_is_one_where_the_study_says_so(folder: Path) -> None:
    found = answers(folder, "asked-for", "evaluation", f"{SETTINGS}.version_2_with_negative=true")
    assert found == by_transformers(folder, "without.json", negative=True)
    assert "" in found.values()


def test_with_unanswerable_questions_no_answer_is_one(folder: Path) -> None:
    evaluation = f"tasks.{TASK}.data.evaluation.squad=with.json"
    found = answers(folder, "of-both-kinds", "evaluation", evaluation)
    assert found == by_transformers(folder, "with.json", negative=True)
    assert "" in found.values()
    none = answers(folder, "none", "evaluation", evaluation, f"{SETTINGS}.version_2_with_negative=false")
    assert none == by_transformers(folder, "with.json", negative=False)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["null_score_diff_threshold=1.5"],
            "null_score_diff_threshold: 1.5, but every evaluation question has an answer",
        ),
        (["version_2_with_negative=false", "--evaluation"], "version_2_with_negative: false, but some evaluation"),
    ],
)
def test_what_is_hardly_meant_is_a_caution(folder: Path, overrides: list[str], line: str) -> None:
    settings = [f"{SETTINGS}.{override}" for override in overrides if not override.startswith("--")]
    settings += [f"tasks.{TASK}.data.evaluation.squad=with.json"] * ("--evaluation" in overrides)
    done = scalemodel("validate", "study.yaml", *(word for each in settings for word in ("--set", each)), cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"caution: {SETTINGS}.{line}" in done.stdout


def test_there_is_no_caution_without_a_reason(folder: Path) -> None:
    assert "version_2_with_negative" not in scalemodel("validate", "study.yaml", cwd=folder).stdout


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["null_score_diff_threshold=.inf"],
            "null_score_diff_threshold: needs a finite number (version_2_with_negative: false never answers",
        ),
        (["null_score_diff_threshold=.nan"], "null_score_diff_threshold: needs a finite number"),
        (["version_2_with_negative=false", "null_score_diff_threshold=2"], "null_score_diff_threshold: without"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused_in_a_line(folder: Path, overrides: list[str], line: str) -> None:
    settings = [word for override in overrides for word in ("--set", f"{SETTINGS}.{override}")]
    done = scalemodel("run", "study.yaml", "--store", "runs", *settings, cwd=folder)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and line in done.stderr
