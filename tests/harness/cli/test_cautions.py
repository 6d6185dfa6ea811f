"""What a study may say but hardly means is told by `validate`, a line each; a study that means it hears nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from tokenizers import Tokenizer, models

from harness.cli.cautions import cautions, data_cautions
from harness.config.load import load_study
from harness.errors import UserError
from harness.examples.records import TextExample
from harness.execution.run import load_missing_examples
from harness.planning import context
from harness.planning.plan import make_plan
from harness.store.steps import Store
from tests.exporters.small_model import small_model

STUDY = """
study: small
formats: [onnx-fp32]
performance: {sweep: {length: [32, 128]}}
tasks:
  question-answering:
    reference: tiny
    models: {tiny: {checkpoint: {embedded: tiny}}}
    data: {evaluation: {embedded: evaluation, size: 50}}
    question_answering: {max_seq_length: 128, doc_stride: 32}
  text-classification:
    reference: big
    labels: [negative, positive]
    models:
      big: {checkpoint: {random: bert-tiny}}
      cut: {checkpoint: {cut: big, layers: [0]}}
      small: {checkpoint: {embedded: small}, formats: [onnx-fp32]}
    data: {evaluation: {embedded: evaluation, size: 50}}
    max_length: 128
    characteristics: {attack: {masked_language_model: {checkpoint: {embedded: reviews}}}}
"""
CLASSES = "tasks.text-classification"


def told(folder: Path, *overrides: str, examples: int = 50) -> list[str]:
    (folder / "study.yaml").write_text(STUDY)
    plan = make_plan(load_study(folder / "study.yaml", overrides))
    steps = [step.key for step in plan.examples]
    return list(cautions(plan, dict.fromkeys(steps, examples), negative=set(steps)))


def test_a_study_that_means_what_it_says(tmp_path: Path) -> None:
    assert told(tmp_path) == []
    assert told(tmp_path, "threads=1", f"{CLASSES}.characteristics.attack.sample=50") == []


@pytest.mark.parametrize(
    ("override", "caution"),
    [
        (
            f"{CLASSES}.max_length=257",
            f"{CLASSES}.max_length: 257, but small takes 256 tokens: a longer text fails it; say 256 or less",
        ),
        (
            "tasks.question-answering.question_answering=null",
            "tasks.question-answering.question_answering.max_seq_length: 384, but tiny takes 256 tokens: a longer text "
            "fails it; say 256 or less",
        ),
        (
            "performance.sweep.length=[256, 257, 512]",
            "performance.sweep.length: 257, 512, but tiny takes 256 tokens: dashes will stand there",
        ),
        (
            f"{CLASSES}.characteristics.attack.sample=51",
            f"{CLASSES}.characteristics.attack.sample: 51, but there are 50 texts: all are taken",
        ),
    ],
)
def test_what_is_hardly_meant_is_told(tmp_path: Path, override: str, caution: str) -> None:
    assert told(tmp_path, override) == [caution]


def test_too_few_examples_for_a_verdict(tmp_path: Path) -> None:
    assert told(tmp_path, examples=1) == [
        f"tasks.{task}.data.evaluation: 1 example: no comparison of deployments can rest on so few; give some hundreds"
        for task in ("question-answering", "text-classification")
    ]


def test_positions_of_random_and_cut_models_are_known(tmp_path: Path) -> None:
    models = "{big: {checkpoint: {random: bert-tiny}}, cut: {checkpoint: {cut: big, layers: [0]}}}"
    (caution,) = told(tmp_path, f"{CLASSES}.models={models}", f"{CLASSES}.max_length=513")
    assert caution.startswith(f"{CLASSES}.max_length: 513, but big takes 512 tokens")


@pytest.mark.parametrize("finished", [False, True])
def test_positions_of_robertas_kind_start_behind_the_padding(tmp_path: Path, finished: bool) -> None:
    config = {"model_type": "roberta", "pad_token_id": 1, "max_position_embeddings": 130}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "tokenizer.json").write_text(Tokenizer(models.WordPiece({"[UNK]": 0, "[PAD]": 1})).to_str())
    small_model(tmp_path / "model.onnx", classes=2)
    kind = f"artifact: {{onnx: {tmp_path}/model.onnx}}" if finished else f"checkpoint: {{folder: {tmp_path}}}"
    override = f"{CLASSES}.models={{big: {{checkpoint: {{random: bert-tiny}}}}, mine: {{{kind}}}}}"
    assert told(tmp_path, override, f"{CLASSES}.max_length=128") == []
    (caution,) = told(tmp_path, override, f"{CLASSES}.max_length=129")
    assert caution.startswith(f"{CLASSES}.max_length: 129, but mine takes 128 tokens")


def test_integer_labels_that_look_as_if_they_counted_from_one(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    plan = make_plan(load_study(tmp_path / "study.yaml"))

    def cautioned(labels: list[int]) -> list[str]:
        texts = [TextExample(str(index), "", "text", label) for index, label in enumerate(labels)]
        steps = [step for step in plan.examples if step.subject["task"] == "text-classification"]
        return list(data_cautions(plan, [(step, texts) for step in steps]))

    (caution,) = cautioned([1] * 40)
    assert caution.startswith(f"{CLASSES}.data.evaluation: no text has the label 0, which is 'negative'")
    assert cautioned([1] * 39 + [0]) == cautioned([0] * 40) == []
    assert cautioned([1] * 15) == []  # so few may have no other by chance


def test_samples_larger_than_the_data_and_a_bank_that_nothing_uses(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "texts.csv").write_text("text,label\n" + "good,positive\nbad,negative\n" * 20)

    def cautioned(*overrides: str) -> list[str]:
        task = ["text-classification"]
        plan = make_plan(load_study(tmp_path / "study.yaml", overrides, tasks=task))
        return list(data_cautions(plan, load_missing_examples(plan, Store(tmp_path / "nowhere")).missing))

    def texts(sample: int) -> str:
        return f"{{table: {tmp_path / 'texts.csv'}, sample: {sample}}}"

    outside = f"{CLASSES}.data.out_of_distribution={{embedded: out-of-distribution, size: 60}}"
    assert cautioned(f"{CLASSES}.data.evaluation={texts(40)}") == []
    assert cautioned(
        f"{CLASSES}.data.evaluation={texts(5000)}", f"{CLASSES}.data.train=[{texts(40)}, {texts(41)}]"
    ) == [
        f"{CLASSES}.data.train.sample: 81, but there are 80 examples: all are taken",
        f"{CLASSES}.data.evaluation.sample: 5,000, but there are 40 examples: all are taken",
    ]
    bank = [f"{CLASSES}.data.bank=50", f"{CLASSES}.data.train={{embedded: train, size: 60}}"]
    assert cautioned(*bank, outside) == []
    assert cautioned(*bank) == [f"{CLASSES}.data.bank: 50, but nothing uses it without data.out_of_distribution"]


def test_more_threads_than_cores(tmp_path: Path) -> None:
    cores = context.this_machine().cores
    assert told(tmp_path, f"threads={cores}") == []
    assert told(tmp_path, f"threads={cores + 1}") == [
        f"threads: {cores + 1}, but this process may use {cores} cores: threads will wait for each other"
    ]


def test_formats_that_no_model_is_exported_to(tmp_path: Path) -> None:
    models = "{big: {checkpoint: {random: bert-tiny}, formats: [onnx-fp16]}}"
    override = [f"{CLASSES}.models={models}", "tasks.question-answering.models.tiny.formats=[onnx-fp32]"]
    assert told(tmp_path, *override) == [
        "formats: no model is exported to them: each is a finished file, or names its own"
    ]


def test_a_finished_file_that_a_backend_does_not_read(tmp_path: Path) -> None:
    small_model(tmp_path / "model.onnx", classes=2)
    model = onnx.load(str(tmp_path / "model.onnx"))
    model.ir_version = 99
    onnx.save(model, str(tmp_path / "model.onnx"))
    Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
    found = told(tmp_path, f"{CLASSES}.models.own={{artifact: {{onnx: {tmp_path / 'model.onnx'}}}}}")
    assert any(
        line.startswith(f"{CLASSES}.models.own.artifact: ONNX Runtime") and "IR version 99" in line for line in found
    )


RETRIEVAL = """
study: small
formats: [onnx-fp32]
performance: null
tasks:
  retrieval:
    reference: tiny
    models: {tiny: {checkpoint: {random: bert-tiny}}}
    data: {corpus: {corpus: corpus.jsonl}, evaluation: {queries: queries.jsonl, qrels: qrels.tsv}}
"""
SAMPLE = "tasks.retrieval.data.evaluation.sample=1"
RERANKING = """
study: small
formats: [onnx-fp32]
performance: null
tasks:
  reranking:
    reference: tiny
    models: {tiny: {checkpoint: {random: bert-tiny}}}
    data:
      evaluation: {candidates: run.tsv, queries: queries.jsonl, qrels: qrels.tsv, corpus: corpus.jsonl}
"""


def of_data(
    study: str, *judged: str, documents: str = "ab", queries: str = "12", overrides: Sequence[str] = ()
) -> list[str]:
    """What the data in this folder give rise to; ``judged`` are lines of the qrels."""
    Path("study.yaml").write_text(study)
    for name, ids in (("corpus", documents), ("queries", queries)):
        Path(f"{name}.jsonl").write_text("".join(f'{{"_id": "{id}", "text": "a text"}}\n' for id in ids))
    Path("qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{row}\n" for row in judged))
    plan = make_plan(load_study(Path("study.yaml"), overrides))
    return list(data_cautions(plan, load_missing_examples(plan, Store(Path("nowhere"))).missing))


def test_judgements_of_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = "tasks.retrieval.data"
    assert of_data(RETRIEVAL, "1\ta\t1", "2\tb\t2", "2\tz\t0") == [], "what is not relevant need not be there"
    assert of_data(RETRIEVAL, "1\ta\t1", "1\ty\t1", "2\tz\t1", "2\ty\t1") == [
        f"{place}.corpus: 2 of 3 relevant documents, such as 'y', are not in the corpus, so that no query finds them, "
        "and 1 of 2 queries have nothing relevant there; name the corpus that the qrels are of"
    ]
    assert of_data(RETRIEVAL, "1\ta\t1", "9\ta\t1", "2\tb\t1") == [
        f"{place}.evaluation: 1 of 3 judged queries, such as '9', are not among the queries and are left out; name the "
        "file that has them"
    ]
    with pytest.raises(UserError, match=f"{place}.corpus: holds none of the 2 relevant documents, such as 'a'; name "):
        of_data(RETRIEVAL, "1\ta\t1", "2\tb\t1", documents="xyz")


def test_queries_that_are_left_out_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    judged = ("1\ta\t1", "2\ta\t0", "3\tb\t1")
    unjudged = "data.evaluation: 2 of 4 queries, such as '2', have no relevant document and are left out"
    assert of_data(RETRIEVAL, *judged, queries="1234") == [f"tasks.retrieval.{unjudged}"]
    assert of_data(RETRIEVAL, "1\ta\t1", "2\tb\t1", overrides=[SAMPLE]) == [], "what is not sampled is not left out"
    Path("run.tsv").write_text("3\tb\n2\ta\n")
    assert of_data(RERANKING, *judged, queries="1234") == [
        f"tasks.reranking.{unjudged}",
        "tasks.reranking.data.evaluation: 1 of 2 judged queries, such as '1', have no candidates and are left out; "
        "name the whole run",
    ]
    Path("run.tsv").write_text("3\tb\n1\ta\n")
    assert of_data(RERANKING, "1\ta\t1", "3\tb\t1", queries="13") == []
    Path("pairs.csv").write_text("text,text_pair,score\nred,a,0\nred,b,0\nblue,c,0\nblue,d,2\n")
    table = RERANKING.replace(
        "{candidates: run.tsv, queries: queries.jsonl, qrels: qrels.tsv, corpus: corpus.jsonl}", "{table: pairs.csv}"
    )
    assert of_data(table) == [
        "tasks.reranking.data.evaluation: 1 of 2 queries, such as 'red', have no relevant candidate and are left out"
    ]


def test_queries_to_attack_that_are_left_out_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("others.jsonl").write_text('{"_id": "1", "text": "a text"}\n{"_id": "7", "text": "another"}\n')
    masked = "masked_language_model: {checkpoint: {embedded: reviews}}"
    attack = f"characteristics={{attack: {{{masked}, data: [{{queries: others.jsonl, qrels: qrels.tsv}}]}}}}"
    place = "tasks.retrieval.characteristics.attack.data"
    assert of_data(RETRIEVAL, "1\ta\t1", "2\tb\t1", overrides=[f"tasks.retrieval.{attack}"]) == [
        f"{place}: 1 of 2 queries, such as '7', have no relevant document and are left out",
        f"{place}: 1 of 2 judged queries, such as '2', are not among the queries and are left out; name the file "
        "that has them",
    ]
