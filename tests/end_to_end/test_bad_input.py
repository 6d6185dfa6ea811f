"""Bad input ends in one line and exit status 2, before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.driver import scalemodel

CONFIG = """
study: mine
formats: [onnx-fp32]
tasks:
  question-answering:
    reference: big
    models: {big: {checkpoint: {random: bert-tiny}}}
    data:
      train: {embedded: train, size: 8}
      evaluation: {squad: squad.json}
"""

REVIEWS = """
study: mine
formats: [onnx-fp32]
tasks:
  text-classification:
    reference: big
    labels: [negative, positive]
    models: {big: {checkpoint: {random: bert-tiny}}}
    data:
      train: {embedded: train, size: 8}
      evaluation: {table: reviews.csv}
"""


def squad(*questions: dict[str, object], context: str = "Ada was born in London.") -> bytes:
    return json.dumps({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": questions}]}]}).encode()


MISPLACED = {"text": "London", "answer_start": 3}
BERT = '{"model_type": "bert"}'
QUESTION: dict[str, object] = {"id": "1", "question": "Where?", "answers": [{"text": "London", "answer_start": 16}]}


def refused(folder: Path, config: str, *arguments: str) -> str:
    """The one line with which `run` refuses, having written nothing."""
    (folder / "study.yaml").write_text(config)
    before = sorted(folder.rglob("*"))
    done = scalemodel("run", "study.yaml", *arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("scalemodel: ")
    assert sorted(folder.rglob("*")) == before
    return line


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (None, ["squad.json"]),
        (b"", ["squad.json"]),
        (squad(QUESTION)[:-30], ["squad.json", "line 1"]),
        (b"\xff\xfe{}", ["squad.json", "UTF-8"]),
        (b"{}", ["squad.json", "data"]),
        (squad({**QUESTION, "answers": [MISPLACED]}), ["squad.json", "answer_start", "3", "16"]),
        (squad(QUESTION, QUESTION), ["squad.json", "'1'", "qas[0]"]),
        (squad({**QUESTION, "question": " "}), ["squad.json", "question", "empty"]),
    ],
)
def test_bad_questions(tmp_path: Path, content: bytes | None, parts: list[str]) -> None:
    if content is not None:
        (tmp_path / "squad.json").write_bytes(content)
    line = refused(tmp_path, CONFIG)
    for part in parts:
        assert part in line, line


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"text,label\ngood,positive\nbad,awful\n", ["reviews.csv", "awful"]),
        (b"text,label\ngood,1\nbad,7\n", ["reviews.csv", "7"]),
        (b"body,label\ngood,1\n", ["reviews.csv", "text"]),
        (b"text,label\n,1\n", ["reviews.csv", "empty"]),
        (b"text,label\n", ["reviews.csv"]),
    ],
)
def test_bad_tables(tmp_path: Path, content: bytes, parts: list[str]) -> None:
    (tmp_path / "reviews.csv").write_bytes(content)
    line = refused(tmp_path, REVIEWS)
    for part in parts:
        assert part in line, line


def test_a_config_that_is_wrong(tmp_path: Path) -> None:
    line = refused(tmp_path, CONFIG.replace("reference:", "refrence:"))
    assert "study.yaml" in line and "'reference'" in line


def test_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "squad.json").write_bytes(squad(QUESTION))
    line = refused(tmp_path, CONFIG.replace("{random: bert-tiny}", "{folder: nowhere}"))
    assert "nowhere" in line
    line = refused(tmp_path, CONFIG.replace("{random: bert-tiny}", "{package: no_such_package}"))
    assert "no_such_package" in line


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        ({}, ["config.json"]),
        ({"config.json": "{}"}, ["model_type"]),
        ({"config.json": BERT}, ["tokenizer.json"]),
        ({"config.json": BERT, "tokenizer.json": "{}", "tf_model.h5": "x"}, ["tf_model.h5", "from_tf"]),
    ],
)
def test_a_checkpoint_folder_that_lacks_something(tmp_path: Path, files: dict[str, str], parts: list[str]) -> None:
    (tmp_path / "squad.json").write_bytes(squad(QUESTION))
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    line = refused(tmp_path, CONFIG.replace("{random: bert-tiny}", "{folder: checkpoint}"))
    for part in parts:
        assert part in line, line


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A classifier of two classes, ``bad`` and ``good``."""
    from harness.checkpoints.materialize import materialize
    from harness.config.checkpoints import RandomCheckpoint

    folder = tmp_path / "checkpoint"
    source = RandomCheckpoint(random="bert-tiny")
    labels = ("bad", "good")
    materialize(source, folder, task="text-classification", labels=labels, seed=0, resolve=Path)
    return folder


@pytest.mark.parametrize("command", ["run", pytest.param("validate", marks=pytest.mark.slow)])
def test_a_checkpoint_that_does_not_fit_the_study(tmp_path: Path, checkpoint: Path, command: str) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\ngood,positive\nbad,negative\n")
    (tmp_path / "study.yaml").write_text(REVIEWS.replace("{random: bert-tiny}", f"{{folder: {checkpoint.name}}}"))
    before = sorted(tmp_path.rglob("*"))
    done = scalemodel(command, "study.yaml", *([] if command == "validate" else ["--quiet"]), cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "", done.stderr
    assert "tasks.text-classification.models.big: label 'negative' is none of the model's classes" in done.stderr
    assert "Traceback" not in done.stderr and sorted(tmp_path.rglob("*")) == before


def test_an_output_folder_that_is_no_run_or_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "squad.json").write_bytes(squad(QUESTION))
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.tex").write_text("precious")
    assert "not a run" in refused(tmp_path, CONFIG, "--output", "taken")
    assert (taken / "thesis.tex").read_text() == "precious"
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(tmp_path, CONFIG, "--output", "file")


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    """Refused before the data is read, which is not there."""
    (tmp_path / "file").write_text("")
    assert "file/store: cannot be written" in refused(tmp_path, CONFIG, "--store", "file/store")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "no such run"),
        ("", "is no run folder"),
        ('{"version": 1, "stu', "truncated"),
        ('{"version": 0}', "version 0"),
        ('{"version": 99}', "update scalemodel"),
        ("[]", "not the results"),
    ],
)
def test_a_report_of_something_else(tmp_path: Path, content: str | None, part: str) -> None:
    run = tmp_path / "run"
    if content is not None:
        run.mkdir()
        if content:
            (run / "results.json").write_text(content)
    done = scalemodel("report", run)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert part in line


def test_a_report_where_nothing_ran(tmp_path: Path) -> None:
    done = scalemodel("report", "--store", tmp_path)
    assert done.returncode == 2 and "no finished run" in done.stderr
    listed = scalemodel("list", "runs", "--store", tmp_path / "none")
    assert listed.returncode == 0 and "holds no finished run" in listed.stderr


@pytest.mark.parametrize(
    ("name", "part"), [("small", "not finished"), ("smal", "did you mean small?"), ("large", "no such run folder")]
)
def test_a_report_of_a_run_by_a_name_that_is_no_finished_one(tmp_path: Path, name: str, part: str) -> None:
    (tmp_path / "small-01234567").mkdir()
    (tmp_path / "small-01234567" / "config.json").write_text("{}")
    done = scalemodel("report", name, "--store", tmp_path, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert part in line


def test_a_store_without_a_name(tmp_path: Path) -> None:
    assert "--store: is empty" in refused(tmp_path, CONFIG, "--store", "")


def test_a_study_that_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_bytes(b"text,label\n\xc2\x96 odd,1\n")
    done = scalemodel("validate", "test.csv", cwd=tmp_path)
    assert done.returncode == 2 and "test.csv: is no YAML file" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["report", "--format", "xml"],
            "invalid value for '--format' / '-f': 'xml' is not one of 'terminal', 'markdown', 'json', 'latex'; see "
            "`scalemodel report --help`",
        ),
        (
            ["compare", "a", "b", "--fail-on", "faster"],
            "invalid value for '--fail-on': 'faster' is not one of 'slower'; see `scalemodel compare --help`",
        ),
        (["run"], "missing argument 'config'; see `scalemodel run --help`"),
        (["report", "--stor", "y"], "no such option: --stor (Possible options: "),
        (["vaildate"], "no such command 'vaildate'. Did you mean 'validate'?; see `scalemodel --help`"),
    ],
)
def test_a_command_line_that_is_wrong(arguments: list[str], line: str) -> None:
    done = scalemodel(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    (said,) = done.stderr.splitlines()
    assert said.startswith("scalemodel: ") and line in said


def test_the_command_alone_shows_its_help() -> None:
    done = scalemodel()
    assert done.returncode == 2 and "Commands" in done.stdout and done.stderr == ""
