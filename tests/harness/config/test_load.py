"""A wrong config is one line that names the file, the key path, the value and the way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from exporters.format import Format
from harness.cli.configs import SHIPPED, shipped, shipped_name
from harness.config.data import EmbeddedSource, TableSource
from harness.config.load import _of_tasks, load_study
from harness.config.policy import Policy
from harness.config.study import json_schema
from harness.errors import UserError

STUDY = """
study: small
formats: [onnx-fp32]
performance: {samples: 8}
tasks:
  text-classification:
    reference: big
    labels: [negative, positive]
    models:
      big: {checkpoint: {random: bert-mini}}
      small: {checkpoint: {cut: big, layers: [0]}}
    data:
      train: {embedded: train, size: 32}
      evaluation: {table: reviews.csv, text: body}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def complaint(path: Path, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load_study(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_study_with_its_defaults(config: Path) -> None:
    study = load_study(config)
    task = study.tasks["text-classification"]
    assert task.reference == "big" and task.pooling is None and task.characteristics.distribution.k == 50
    assert study.backends == ("onnxruntime-cpu",)


def test_calibration_is_a_number_of_examples_or_more_than_that(config: Path) -> None:
    def calibration(*overrides: str) -> tuple[int, str]:
        found = load_study(config, overrides).tasks["text-classification"].calibration
        return found.examples, found.method

    assert calibration() == (128, "min-max")
    assert calibration("tasks.text-classification.calibration=16") == (16, "min-max")
    chosen = "tasks.text-classification.calibration={method: percentile}"
    assert calibration(chosen) == (128, "percentile")
    assert "calibration" in complaint(config, "tasks.text-classification.calibration=0")
    assert "calibration.method" in complaint(config, "tasks.text-classification.calibration={method: kl}")


@pytest.mark.parametrize(
    ("checkpoint", "part"),
    [
        ("{random: bert-mini}", "cut or pruned from the reference 'big'"),
        ("{cut: small, layers: [0]}", "cut or pruned from the reference 'big'"),
        ("{cut: big, layers: [2, 0]}", "[2, 0] are not in order"),
    ],
)
def test_hidden_states_are_of_students_made_of_the_reference_s_layers(config: Path, checkpoint: str, part: str) -> None:
    def overrides(checkpoint: str) -> list[str]:
        place, training = "tasks.text-classification", "{distillation: {hidden_states: 0.5}}"
        small = f"{place}.models.small.checkpoint={{random: bert-tiny}}"
        other = f"{place}.models.other={{checkpoint: {checkpoint}, training: {training}}}"
        return [f"{place}.recipe={{}}", small, other]

    message = complaint(config, *overrides(checkpoint))
    assert "models.other.training.distillation.hidden_states: " in message and part in message
    for good in ("{cut: big, layers: [0, 2]}", '{pruned: big, sparsity: "2:4"}'):
        load_study(config, overrides(good))


@pytest.mark.parametrize(
    ("training", "part"),
    [
        ("{}", "models.student.training: embeddings have no labels to be trained on"),
        ("{distillation: {alpha: 0.3}}", "training.distillation.alpha: is of soft labels, and embeddings have none"),
        ("{distillation: {temperature: 3}}", "training.distillation.temperature: is of soft labels"),
    ],
)
def test_embeddings_learn_from_embeddings_alone(tmp_path: Path, training: str, part: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        """
study: students
formats: [onnx-fp32]
tasks:
  sentence-similarity:
    reference: big
    models:
      big: {checkpoint: {random: bert-mini}}
      student: {checkpoint: {cut: big, layers: [0, 2]}, training: {distillation: {hidden_states: 0.5}}}
    recipe: {epochs: 1}
    data:
      train: {table: texts.csv}
      evaluation: {table: pairs.csv}
"""
    )
    student = load_study(path).tasks["sentence-similarity"].models["student"]
    assert student.training is not None and student.training.distillation is not None
    assert part in complaint(path, f"tasks.sentence-similarity.models.student.training={training}")


def test_overrides_are_yaml_values(config: Path) -> None:
    study = load_study(config, ["formats=[onnx-fp32, onnx-fp16]", "tasks.text-classification.data.train.size=64"])
    assert study.formats == ("onnx-fp32", "onnx-fp16")
    train = study.tasks["text-classification"].data.train
    assert isinstance(train, EmbeddedSource) and train.size == 64


def test_an_override_makes_the_mappings_that_are_missing(config: Path) -> None:
    study = load_study(config, ["tasks.text-classification.characteristics.distribution.k=7"])
    assert study.tasks["text-classification"].characteristics.distribution.k == 7


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("tasks.text-classification.refrence=big", ["tasks.text-classification.refrence", "'reference'"]),
        ("tasks.text-classification.reference=bg", ["tasks.text-classification.reference", "'bg'", "'big'"]),
        ("formats=[onnx-fp23]", ["formats.0", "'onnx-fp23'", "'onnx-fp32'"]),
        ("formats=[onnx-fp9]", ["formats.0: input should be torch-fp32, onnx-fp32, ", "tensorrt-fp8, got 'onnx-fp9'"]),
        ("backends=[onnxruntime-gpu]", ["backends.0", "got 'onnxruntime-gpu'; did you mean 'onnxruntime-cuda'?"]),
        ("threads=many", ["threads", "'many'"]),
        ("threads=0", ["threads", "0"]),
        ("tasks.text-classification.data.train.sampel=3", ["data.train.sampel", "'sample'"]),
        ("tasks.text-classification.data.evaluation.label=3", ["data.evaluation.label", "3"]),
        ("tasks.text-classification.data.train=[]", ["data.train: list should not be empty"]),
        (
            "tasks.text-classification.data.train=[{tabel: x}]",
            ["data.train.0: needs one of the keys: squad, table", "mean 'table'?"],
        ),
        ("tasks.text-classification.data.train=[{table: x, sampel: 3}]", ["data.train.0.sampel", "'sample'"]),
        (
            "tasks.text-classification.data.train={path: x}",
            ["data.train", "squad, table, candidates, corpus, queries, tagged, hub, embedded"],
        ),
        ("tasks.text-classification.models.small.checkpoint.cut=bi", ["small.checkpoint.cut", "'bi'", "'big'"]),
        ("tasks.text-classification.models.small.checkpoint.layers=[1, 1]", ["checkpoint.layers: names 1 twice"]),
        ("tasks.text-classification.models.p={checkpoint: {pruned: bg, heads: 0.5}}", ["p.checkpoint.pruned", "'big'"]),
        ("tasks.text-classification.models.p={checkpoint: {pruned: big}}", ["p.checkpoint", "sparsity or heads"]),
        (
            "tasks.text-classification.models.p={checkpoint: {pruned: big, haeds: 0.5}}",
            ["p.checkpoint.haeds", "'heads'"],
        ),
        (
            "tasks.text-classification.models.p={checkpoint: {pruned: big, heads: 1.5}}",
            ["p.checkpoint", "heads", "1.5"],
        ),
        (
            "tasks.text-classification.models.big.checkpoint={pruned: small, heads: 0.5}",
            ["big.checkpoint", "reference"],
        ),
        ("tasks.text-classification.models.big.checkpoint.random=bert-huge", ["'bert-huge'", "'bert-"]),
        ("tasks.text-classification.models.small.training={}", ["training", "recipe"]),
        ("tasks.text-classification.models.Big={checkpoint: {random: bert-mini}}", ["models.Big"]),
        ("tasks.text-classification.labels=[same, same]", ["labels", "two or more different"]),
        ("tasks.text-clasification={}", ["tasks.text-clasification", "'text-classification'"]),
        ("performance.server.p99_ms=20", ["performance.server", "add server to performance.scenarios"]),
        ("performance.server.queries=100", ["performance.server.queries", "662"]),
        ("performance.sweep.batch=[0]", ["performance.sweep.batch.0", "0"]),
        ("performance.sweep.batch=[]", ["performance.sweep.batch: list should not be empty"]),
        ("performance.sweep.batch=8", ["performance.sweep.batch: input should be a list", "got 8"]),
        ("performance.sweep.length=[32, 32]", ["performance.sweep.length: names 32 twice"]),
        ("performance.sweep=true", ["sweep: input should be a mapping", "True", "known keys: batch, length"]),
        ("performance.scenarios=[offlin]", ["performance.scenarios.0", "'offlin'", "'offline'"]),
        ("performance.scenarios=[offline, offline]", ["performance.scenarios: names 'offline' twice"]),
        ("performance.scenarios=[]", ["performance.scenarios: names none", "performance: null"]),
        ("performance={scenarios: [single-stream], tune: true}", ["performance.tune", "add offline"]),
        ("performance={scenarios: [offline], paired_processes: 2}", ["performance.paired_processes", "single-stream"]),
        ("performance.paired_processes=-1", ["performance.paired_processes", "-1"]),
        ("performance.tune=maybe", ["performance.tune: input should be true or false, got 'maybe'"]),
        ("performance={scenarios: [server], server: {p99_ms: -5}}", ["performance.server.p99_ms", "-5"]),
        ("token_budget=1_0.5k", ["token_budget: input should be a whole number, got '1_0.5k'"]),
        ("tasks.text-classification.quality_loss=2", ["quality_loss", "less than or equal to 1, got 2"]),
        ("tasks.text-classification.quality_loss=.nan", ["quality_loss: input should be a finite number, got nan"]),
        ("timeout_minutes=.inf", ["timeout_minutes: input should be a finite number, got inf"]),
        (
            "performance.min_warmup_seconds=.inf",
            ["performance.min_warmup_seconds: input should be a finite number, got inf"],
        ),
        ("tasks.text-classification.quality_loss=10%", ["quality_loss: input should be a number, got '10%'"]),
        (
            "tasks.text-classification.models.p={checkpoint: {pruned: big, sparsity: '3:4'}}",
            ["models.p.checkpoint.sparsity: input should be '2:4', got '3:4'"],
        ),
        (
            "tasks.text-classification.models.p={checkpoint: {pruned: big, sparsity: 2:4}}",  # YAML: 2 x 60 + 4
            ["models.p.checkpoint.sparsity: input should be '2:4', got 124; put it in quotes"],
        ),
        (
            "tasks.text-classification.labels=[no, maybe]",
            ["labels.0: input should be a valid string, got False; put it in quotes"],
        ),
        ("tasks.text-classification.models.small.formats=[onnx-fp32, onnx-fp32]", ["small.formats", "twice"]),
        ("backend_options={onnxruntime-cpu: {spining: false}}", ["backend_options", "'spining'", "spinning, arena"]),
        ("backend_options={openvino-cpu: {}}", ["backend_options.openvino-cpu", "add it to backends"]),
        ("backend_options={onnxruntime-cpu: spinning}", ["backend_options.onnxruntime-cpu", "mapping", "'spinning'"]),
        (
            "tasks.text-classification.characteristics.attack.recipe=text-fooler",
            ["attack.recipe", "'text-fooler'; did you mean 'textfooler'?"],
        ),
        (
            "tasks.text-classification.characteristics.attack={recipe: pruthi, mode: reference}",
            ["attack.mode: the recipe 'pruthi' brings its own"],
        ),
        (
            "tasks.text-classification.characteristics.attack.target=question",
            ["attack.target: 'question' is no part of text-classification; it has text"],
        ),
        (
            "tasks.text-classification.characteristics.attack.mode=refrence",
            ["attack.mode", "'refrence'; did you mean 'reference'?"],
        ),
        (
            "tasks.text-classification.characteristics.attack="
            "{recipe: pruthi, sentence_encoder: {checkpoint: {hub: a/b}}}",
            ["attack.sentence_encoder: the recipe 'pruthi' brings its own"],
        ),
        (
            "tasks.text-classification.characteristics.attack.sentence_encoder={checkpoint: {cut: small, layers: [0]}}",
            ["attack.sentence_encoder.checkpoint", "hub"],
        ),
        ("tasks.text-classification.characteristics.attack={sample: 5}", ["attack.masked_language_model: is missing"]),
        ("formats=[tensorrt-fp16]", ["'tensorrt-fp16'; onnxruntime-cpu: it takes onnx-*: use tensorrt"]),
        ("formats=[onnx-prebuilt]", ["formats.0: comes with a finished file alone", "artifact, got 'onnx-prebuilt'"]),
        ("study=My Study", ["study: a name has lower-case letters", "'My Study'"]),
        ("performance.max_warmup_seconds=0.1", ["performance.max_warmup_seconds", "less than min_warmup_seconds"]),
        ("backends=[torch-cpu]", ["formats", "onnx-fp32"]),
        ("formats=[onnx-bf16]", ["formats", "'onnx-bf16'", "no bfloat16 matmuls on the CPU", "openvino-cpu"]),
        ("tasks.text-classification.reference.deeper=1", ["tasks.text-classification.reference", "plain value"]),
        ("nonsense", ["nonsense", "path.to.key=value"]),
    ],
)
def test_what_is_wrong_is_named(config: Path, override: str, parts: list[str]) -> None:
    message = complaint(config, override)
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize(
    ("place", "former", "today"),
    [
        ("performance", "warmup_seconds", "min_warmup_seconds"),
        ("performance", "warmup_at_most", "max_warmup_seconds"),
        ("tasks.text-classification", "parity", "verification_examples"),
        ("tasks.text-classification.question_answering", "max_length", "max_seq_length"),
        ("tasks.text-classification.question_answering", "stride", "doc_stride"),
        ("tasks.text-classification.question_answering", "n_best", "n_best_size"),
        ("tasks.text-classification.question_answering", "longest_answer", "max_answer_length"),
        ("tasks.text-classification.question_answering", "null_threshold", "null_score_diff_threshold"),
        ("tasks.text-classification.characteristics.attack", "words_changed_at_most", "max_words_changed"),
        ("tasks.text-classification.characteristics.attack", "similarity_at_least", "min_similarity"),
        ("tasks.text-classification.characteristics.attack", "queries_at_most", "max_queries"),
        ("tasks.text-classification.characteristics.attack", "seconds_at_most", "max_seconds"),
        ("tasks.text-classification.characteristics.attack", "examples_at_once", "batch_size"),
    ],
)
def test_a_key_of_an_old_study_is_told_its_name_of_today(config: Path, place: str, former: str, today: str) -> None:
    assert f"{place}.{former}: unknown key; did you mean '{today}'?" in complaint(config, f"{place}.{former}=1")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"", "holds nothing"),
        (b"- a list", "holds a list"),
        (b"study: \xff\xfe", "not UTF-8"),
        (b"study: [unclosed", "line 1"),
        (b"study: !!python/object/apply:os.system [echo]", "not plain YAML"),
        (b"study: a\nstudy: b\n", "'study' twice"),
        (b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
            f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n".encode() for n in range(9)
        ), "more than"),
        (b"a: &a [*a]", "more than"),
        (b"x: " + b"[" * 5000, "not plain YAML"),
        (b"#" * 1_000_001, "larger than"),
        (b"study: 2026-13-45", "not plain YAML"),
        (b"study: x\x00y", "not plain YAML"),
    ],
)  # fmt: skip
def test_files_that_are_no_study(tmp_path: Path, text: bytes, part: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(text)
    message = complaint(path)
    assert str(path) in message and part in message


def test_one_task_of_a_study_alone(config: Path) -> None:
    assert list(load_study(config, tasks=["text-classification"]).tasks) == ["text-classification"]
    with pytest.raises(UserError, match=r"--task question-answering: .*it has text-classification"):
        load_study(config, tasks=["question-answering"])


def test_rules_of_a_task_left_out_go_with_it() -> None:
    rules = [
        {"tasks": tasks, "limits": {"changed": "at most 5 %"}}
        for tasks in ("*", ["text-*", "question-*"], "question-*", "text-clasification")
    ]
    kept = _of_tasks(Policy.model_validate({"rules": rules}), ["text-a", "question-b"], ["text-a"])
    assert kept is not None and [rule.tasks for rule in kept.rules] == [("*",), ("text-*",), ("text-clasification",)]


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert "no such config file" in complaint(tmp_path / "nothing.yaml")
    assert "is a folder" in complaint(tmp_path)


def test_parameters_are_filled_in_and_unknown_ones_named(config: Path) -> None:
    config.write_text(STUDY.replace("reviews.csv", "'${data}/reviews.csv'") + "parameters: {data: /somewhere}\n")
    study = load_study(config, ["parameters.data=/elsewhere"])
    evaluation = study.tasks["text-classification"].data.evaluation
    assert isinstance(evaluation, TableSource) and str(evaluation.table) == "/elsewhere/reviews.csv"
    config.write_text(STUDY.replace("reviews.csv", "'${dta}/reviews.csv'") + "parameters: {data: /somewhere}\n")
    assert "names no parameter (known: data)" in complaint(config)


def test_scores_that_a_card_claims(config: Path) -> None:
    place = "tasks.text-classification.models.big.claimed"
    (task,) = load_study(config, [f"{place}={{accuracy: 89.1}}"]).tasks.values()
    claimed = task.models["big"].claimed
    assert claimed is not None and (claimed.accuracy, claimed.f1, claimed.within) == (89.1, None, 1.0)
    assert complaint(config, f"{place}={{f1: 80}}").endswith(
        "claimed.f1: text-classification has no such score; name accuracy, in percent"
    )
    assert complaint(config, f"{place}={{within: 2}}").endswith("names no score; name accuracy, in percent")
    recipe = "tasks.text-classification.recipe={epochs: 1, batch_size: 8, learning_rate: 1.0e-3, max_length: 32}"
    training = "tasks.text-classification.models.big.training={}"
    message = complaint(config, f"{place}={{accuracy: 89.1}}", recipe, training)
    assert message.endswith("claimed: no card speaks of a model that this study trains; remove it")


@pytest.mark.parametrize("path", shipped(), ids=shipped_name)
def test_every_shipped_study_is_valid(path: Path) -> None:
    assert load_study(path).study == shipped_name(path).replace("/", "-")


def test_the_schema_names_every_key_of_the_shipped_studies() -> None:
    schema = json_schema()
    for path in shipped():
        assert set(yaml.safe_load(path.read_text())) <= set(schema["properties"])


def test_the_schema_that_ships_is_that_of_the_models_and_says_what_keys_mean() -> None:
    shipped_schema = json.loads((SHIPPED / "study.schema.json").read_text(encoding="utf-8"))
    assert shipped_schema == json_schema()  # else: scalemodel list schema > configs/study.schema.json
    assert "p99" in shipped_schema["$defs"]["Server"]["properties"]["queries"]["description"]


def test_what_a_format_needs_is_told_before_anything_starts(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Format, "missing", lambda self: "the package 'x' is not installed" if self.packages else None)
    for format, backend in (("onnx-fp8", "onnxruntime-cpu"), ("tensorrt-fp8", "tensorrt")):
        message = complaint(config, f"formats=[{format}]", f"backends=[{backend}]")
        assert f"formats: '{format}' cannot be made: the package 'x' is not installed" in message
    monkeypatch.setattr(Format, "missing", lambda self: None)
    message = complaint(config, "formats=[onnx-fp8]", "tasks.text-classification.calibration.method=entropy")
    assert "text-classification.calibration.method: 'entropy' is not for 'onnx-fp8', which takes min-max" in message


def test_fused_operators_are_refused_where_they_are_unknown(config: Path) -> None:
    message = complaint(config, "formats=[onnx-fused]", "backends=[openvino-cpu]")
    assert "'onnx-fused'" in message and "ONNX Runtime's own" in message and "use onnx-fp32" in message


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("formats=[onnx-fp32, onnx-int8-static]", "the format 'onnx-int8-static' of 'big' is calibrated on it"),
        ("backends=[tensorrt]&formats=[tensorrt-int8]", "the format 'tensorrt-int8' of 'big' is calibrated on it"),
        ("tasks.text-classification.models.small.formats=[onnx-int8-static]", "of 'small' is calibrated on it"),
        (
            "tasks.text-classification.recipe={}&tasks.text-classification.models.small.training={}",
            "models.small.training is done on it",
        ),
        (
            "tasks.text-classification.data.out_of_distribution={embedded: out-of-distribution, size: 8}",
            "data.out_of_distribution is told apart",
        ),
        (
            "tasks.text-classification.characteristics.attack.masked_language_model="
            "{checkpoint: {random: bert-mini}, training: {}}",
            "attack.masked_language_model.training is done on its texts",
        ),
    ],
)
def test_training_data_are_asked_for_by_what_needs_them(config: Path, override: str, part: str) -> None:
    nothing = "tasks.text-classification.data={evaluation: {table: reviews.csv}}"
    assert load_study(config, [nothing]).tasks["text-classification"].data.train is None
    message = complaint(config, nothing, *override.split("&"))
    assert "tasks.text-classification.data.train: is missing, and " in message and part in message
    load_study(config, override.split("&"))  # with it


@pytest.mark.parametrize(
    ("override", "end"),
    [
        ("formats=[onnx-fp9]", "got 'onnx-fp9'"),  # fp32 is something else, and no other mistake is there
        ("formats=[onnx-fp23]", "; did you mean 'onnx-fp32'?"),
        ("tasks.text-classification.reference=bert-large", "known: big, small"),
    ],
)
def test_only_what_is_close_is_suggested(config: Path, override: str, end: str) -> None:
    assert complaint(config, override).endswith(end)
