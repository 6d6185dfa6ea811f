"""`compare`: two run folders in, what changed out; the exit status for pipelines; bad input in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.driver import scalemodel
from tests.harness.report import synthetic_results as synthetic
from tests.harness.run_comparison.timed_runs import DEPLOYMENTS, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs `before`, `again` (nothing changed) and `slower` (one deployment, by a third)."""
    folder = tmp_path_factory.mktemp("compare") / "runs"
    write_run(folder / "before", seed=1)
    write_run(folder / "again", seed=2)
    write_run(folder / "slower", seed=3, slower={DEPLOYMENTS[0]: 1.33})
    return folder


def test_what_became_slower_is_told_and_may_fail_a_pipeline(folder: Path) -> None:
    told = scalemodel("compare", "before", "slower", cwd=folder)
    assert told.returncode == 0 and told.stderr == ""
    assert "single-stream p50, slower in B: bert-large/fp32 1.3" in told.stdout
    failed = scalemodel("compare", "before", "slower", "--fail-on", "slower", cwd=folder)
    assert failed.returncode == 4 and failed.stdout == told.stdout and failed.stderr == ""
    assert scalemodel("compare", "before", "again", "--fail-on", "slower", cwd=folder).returncode == 0
    allowed = scalemodel("compare", "before", "slower", "--fail-on", "slower", "--minimum-effect", "0.5", cwd=folder)
    assert allowed.returncode == 0 and "slower in B" not in allowed.stdout


def test_names_of_a_store_and_every_format(folder: Path) -> None:
    by_name = scalemodel("compare", "before", "slower", "--store", folder, cwd=folder.parent)
    assert by_name.returncode == 0 and "slower in B" in by_name.stdout
    markdown = scalemodel("compare", "before", "slower", "--format", "markdown", cwd=folder)
    assert markdown.stdout.startswith("# scalemodel compare\n")
    told = json.loads(scalemodel("compare", "before", "slower", "--format", "json", cwd=folder).stdout)
    worse = {figure["deployment"] for figure in told["figures"] if figure["verdict"] == "slower"}
    assert worse == {DEPLOYMENTS[0]}


def test_a_narrow_terminal_without_unicode(folder: Path) -> None:
    told = scalemodel("compare", "before", "slower", cwd=folder, COLUMNS="50", PYTHONIOENCODING="ascii")
    assert told.returncode == 0, told.stderr
    assert max(len(line) for line in told.stdout.splitlines()) <= 50


def test_bad_input_is_one_line(folder: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "untimed", seed=1, results=synthetic.without_performance())
    shutil.copytree(folder / "before", tmp_path / "copy")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "results.json").write_text('{"version": 1}')
    for other, part in (
        ("none", "no such run folder"),
        (folder / "before", "name two"),
        (tmp_path / "copy", "the very measurements"),
        (tmp_path / "untimed", "no timings"),
        (tmp_path / "old", "version 1"),
    ):
        done = scalemodel("compare", folder / "before", other, cwd=tmp_path)
        assert done.returncode == 2 and done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("scalemodel: ") and part in line and str(other) in line
    done = scalemodel("compare", "before", "again", "--minimum-effect", "nan", cwd=folder)
    assert done.returncode == 2 and "--minimum-effect" in done.stderr


@pytest.mark.slow
def test_a_study_measured_once_more(config: Path, store: Path, run_folder: Path, tmp_path: Path) -> None:
    """Two real runs: what differs is told, and that is all that they can tell."""
    copy = tmp_path / "runs"
    shutil.copytree(store, copy)
    again = scalemodel(
        "run", config, "--set", "performance.min_count=9", "--store", copy, "--output", tmp_path / "b", "--quiet"
    )
    assert again.returncode == 0, again.stderr
    told = scalemodel("compare", run_folder, tmp_path / "b", "--format", "json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    (difference,) = found["differences"]
    assert (difference["what"], difference["before"], difference["after"]) == ("performance.min_count", "8", "9")
    # A p99 is there where the machine was fast enough to ask as many queries as make it sure.
    always = [figure for figure in found["figures"] if not figure["figure"].endswith("p99")]
    # A process a deployment tells nothing, but for the speed-ups of four: they are of two pairs of processes.
    assert len(always) == 6 * 6 + 4 and found["tests"] == 4
    said = {figure["verdict"] for figure in found["figures"] if figure["figure"] != "file size"}
    assert said == {"cannot tell"}
    assert {figure["verdict"] for figure in found["figures"] if figure["figure"] == "file size"} == {"no change seen"}
    assert all(figure["a"] > 0 and figure["b"] > 0 and figure["ratio"]["value"] > 0 for figure in found["figures"])


@pytest.mark.slow
def test_a_run_whose_measurements_the_store_used_again_is_no_second_run(
    config: Path, store: Path, run_folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "runs"
    shutil.copytree(store, copy)
    setting = "tasks.question-answering.characteristics.distribution.k=6"
    again = scalemodel("run", config, "--set", setting, "--store", copy, "--output", tmp_path / "b", "--quiet")
    assert again.returncode == 0, again.stderr
    refused = scalemodel("compare", run_folder, tmp_path / "b")
    assert refused.returncode == 2 and "the very measurements" in refused.stderr
