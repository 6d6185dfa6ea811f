"""One config in, one report out; and nothing is done twice."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer

from harness.cli.main import app
from tests.end_to_end.driver import scalemodel, started

TASKS = ("question-answering", "text-classification")
REFERENCE = "reference/onnx-fp32@onnxruntime-cpu"


def results(run_folder: Path) -> dict[str, Any]:
    return json.loads((run_folder / "results.json").read_text())


def test_every_deployment_ran_and_every_characteristic_is_there(run_folder: Path) -> None:
    found = results(run_folder)
    for task in TASKS:
        entry = found["tasks"][task]
        assert entry["failures"] == []
        assert {deployment["status"] for deployment in entry["deployments"].values()} == {"ok"}
        assert len([name for name in entry["deployments"] if not name.endswith("#rerun")]) == 3
        for name in ("prediction_errors", "data_representation", "data_distribution"):
            assert entry["characteristics"][name] is not None
        assert entry["family"] == "demonstration" and entry["notes"]
    assert found["tasks"]["text-classification"]["characteristics"]["adversarial_attack"]["n"] == 4


def test_the_artifacts_agree_with_their_checkpoints(run_folder: Path) -> None:
    for task in TASKS:
        deployments = results(run_folder)["tasks"][task]["deployments"]
        parity = deployments[REFERENCE]["verification"]["parity"]
        assert parity["finite"] and parity["largest_logit_difference"] < 1e-3
        assert parity["decision_agreement"] == 1
        assert (
            deployments["reference/onnx-int8-dynamic@onnxruntime-cpu"]["verification"]["parity"]["decision_agreement"]
            > 0.7
        )


def test_the_run_folder_describes_itself(run_folder: Path) -> None:
    for name in ("config.json", "plan.json", "environment.json", "results.json", "performance.json", "log.txt"):
        assert (run_folder / name).is_file()
    outputs = run_folder / "outputs" / "text-classification" / REFERENCE.replace("/", "--") / "evaluation.parquet"
    table = pq.read_table(outputs)
    assert table.num_rows == 60 and {"id", "prediction", "logits", "representation"} <= set(table.column_names)
    manifest = json.loads((run_folder / "manifests" / "question-answering" / "tiny--onnx-fp32.json").read_text())
    assert manifest["format"] == "onnx-fp32" and manifest["files"]["model.onnx"]["sha256"]


def test_performance_is_kept_apart_from_what_can_be_compared(run_folder: Path) -> None:
    performance = json.loads((run_folder / "performance.json").read_text())
    figures = performance["tasks"]["question-answering"][REFERENCE]
    assert figures["single_stream"]["p50_ms"] > 0 and figures["offline"]["samples_per_second"] > 0
    assert figures["peak_memory_bytes"] > 0 and figures["device_memory_bytes"] is None
    assert "_ms" not in (run_folder / "results.json").read_text()


def test_every_candidate_was_timed_in_pairs_with_the_reference(run_folder: Path) -> None:
    performance = json.loads((run_folder / "performance.json").read_text())
    for figures in performance["tasks"].values():
        assert figures.pop(REFERENCE)["paired"] is None
        assert len(figures) == 2
        for one in figures.values():
            paired = one["paired"]
            assert (paired["against"], paired["processes"]) == (REFERENCE, 2) and paired["pairs"] >= 30
            assert 0 < paired["interval"][0] < paired["ratio"] < paired["interval"][1]


def test_a_second_run_does_nothing_again(config: Path, store: Path, run_folder: Path) -> None:
    before = (run_folder / "results.json").read_bytes()
    again = scalemodel("run", config, "--store", store)
    assert again.returncode == 0
    stages = [line for line in again.stderr.splitlines() if "steps to do" in line]
    assert stages and all(" 0 steps to do" in line for line in stages)
    assert (run_folder / "results.json").read_bytes() == before


def test_a_run_can_end_in_a_report_without_texts(config: Path, store: Path, run_folder: Path) -> None:
    attack = results(run_folder)["tasks"]["text-classification"]["characteristics"]["adversarial_attack"]
    original = attack["examples"][0]["original"]
    shown = scalemodel("run", config, "--store", store, "--format", "json").stdout
    withheld = scalemodel("run", config, "--store", store, "--format", "json", "--no-texts").stdout
    assert json.dumps(original) in shown and json.dumps(original) not in withheld


def test_one_option_redoes_what_depends_on_it(config: Path, store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs"
    shutil.copytree(store, copy)
    setting = "tasks.question-answering.characteristics.distribution.k=7"
    changed = scalemodel("run", config, "--set", setting, "--store", copy)
    assert changed.returncode == 0, changed.stderr
    assert re.match(r"ahead: (\d+) steps, \1 done already\n", changed.stderr)
    assert "comparisons: 1 step to do" in changed.stderr
    assert "measurements: 0 steps to do" in changed.stderr
    assert len(list(copy.glob("*/results.json"))) == 2


def test_a_damaged_file_is_made_again(config: Path, store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs"
    shutil.copytree(store, copy)
    victim = next((copy / ".steps" / "artifact").glob("*/model.onnx"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[: len(whole) // 2])
    mended = scalemodel("run", config, "--store", copy)
    assert mended.returncode == 0, mended.stderr
    assert "artifacts: 1 step to do" in mended.stderr
    assert victim.read_bytes() == whole


@pytest.mark.parametrize("format", ["terminal", "markdown", "json"])
def test_the_report_in_every_form(run_folder: Path, format: str) -> None:
    report = scalemodel("report", run_folder, "--format", format, "--full")
    assert report.returncode == 0 and report.stderr == ""
    assert "\x1b" not in report.stdout  # a pipe
    if format == "json":
        assert json.loads(report.stdout)["report_version"] == 2
    else:
        assert "demonstration family" in report.stdout
        for words in ("Prediction errors", "Data representation", "Data distribution", "dversarial"):
            assert words in report.stdout


def test_the_latest_run_is_reported_by_default_and_by_name(store: Path, run_folder: Path) -> None:
    by_folder = scalemodel("report", run_folder)
    assert scalemodel("report", "--store", store).stdout == by_folder.stdout
    assert scalemodel("report", "small", "--store", store).stdout == by_folder.stdout


def test_one_screen_and_the_parts_of_the_report(run_folder: Path) -> None:
    def told(*options: str | int) -> str:
        done = scalemodel("report", run_folder, *map(str, options), COLUMNS="100")
        assert done.returncode == 0, done.stderr
        return done.stdout

    screen = told()
    assert screen.count("\n") <= 45 and "next: scalemodel report" in screen.splitlines()[-1]
    assert all(f"\n{task}: " in screen for task in TASKS) and "reference/int8-dynamic" in screen
    assert told("--task", TASKS[0]).count(" against reference/") == 1
    assert "Calibration" in (part := told("--section", "calibration")) and "Data distribution" not in part
    assert "Cautions" in told("--cautions") and "demonstration family" in told("--cautions")
    assert "cannot tell" in told("--explain")
    changed = told("--changed", 1, "--deployment", "*/int8-*", "--deployment", "tiny/*")
    assert "question" in changed and "text" in changed
    refused = scalemodel("report", run_folder, "--changed", "1", "--no-texts")
    assert refused.returncode == 2 and "--no-texts" in refused.stderr and refused.stdout == ""


@pytest.mark.parametrize("options", [(), ("--full",)])
@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_narrow_and_wide_terminals(run_folder: Path, columns: str, options: tuple[str, ...]) -> None:
    report = scalemodel("report", run_folder, *options, COLUMNS=columns, PYTHONIOENCODING="ascii")
    assert report.returncode == 0, report.stderr
    widest = max(len(line) for line in report.stdout.splitlines() if not line.lstrip().startswith("$"))
    assert widest <= int(columns)


def test_train_and_export_say_where_things_are(config: Path, store: Path) -> None:
    exported = scalemodel("export", config, "--store", store, "--quiet")
    assert exported.returncode == 0
    lines = exported.stdout.splitlines()
    places = [Path(line.rpartition(": ")[2]) for line in lines if not line.startswith("verified ")]
    assert len(places) == 7 and all(any(place.glob("*.onnx")) for place in places)  # six, and what proposes words
    (links,) = store.glob("*/artifacts")
    linked = [link for link in links.glob("**/*") if link.is_symlink()]
    assert {link.resolve() for link in linked} == {place.resolve() for place in places}
    assert all(any(link.glob("*.onnx")) for link in linked)
    assert scalemodel("train", config, "--store", store, "--quiet").returncode == 0


def test_validate_doctor_list_and_help(config: Path, store: Path) -> None:
    validated = scalemodel("validate", config, "--set", "threads=9999").stdout
    assert "3 deployments" in validated and "caution: threads: 9999, but this process may use" in validated
    doctor = scalemodel("doctor").stdout
    assert "onnxruntime-cpu" in doctor and "onnxruntime-tensorrt" in doctor
    for what, part in (
        ("configs", "quickstart"),
        ("formats", "onnx-fp16"),
        ("models", "bert-large"),
        ("runs", "question-answering"),
    ):
        assert part in scalemodel("list", what, "--store", store).stdout
    for name in typer.main.get_group(app).commands:
        assert scalemodel(name, "--help").returncode == 0
    assert "scalemodel" in started("--version").stdout
