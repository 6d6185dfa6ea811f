"""Places and streams as they should not be: a reader that leaves, a full disk, links and pipes where files belong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.demo import write_checkpoint
from tests.end_to_end.driver import command, scalemodel

STUDY = """
study: edges
formats: [onnx-fp32]
performance: null
tasks:
  text-classification:
    reference: tiny
    labels: [negative, positive]
    models: {tiny: {checkpoint: {embedded: tiny}}}
    data: {evaluation: {embedded: evaluation, size: 60}}
    verification_examples: 40
    max_length: 128
    execution_floor: false
    characteristics: {bootstrap: 100, representation: {k: [5]}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("edges")
    (root / "study.yaml").write_text(STUDY)
    return root


@pytest.fixture(scope="module")
def edges(exported: Path, folder: Path) -> Path:
    """Of a run whose progress nobody heard to its end, and whose report nobody read to its end."""
    shutil.copytree(exported, folder / "runs")
    run = " ".join(command("run", "study.yaml", "--store", "runs"))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {{ {run} 2>&1 >report.txt; echo $? >status; }} | head -2"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert len(done.stdout.splitlines()) == 2
    return folder / "runs"


def results(edges: Path) -> Path:
    return next(edges.glob("edges-*/results.json"))


def test_a_closed_progress_stream_ends_no_run(folder: Path, edges: Path) -> None:
    assert (folder / "status").read_text().strip() == "0"
    assert json.loads(results(edges).read_text())["study"] == "edges"
    assert "edges" in (folder / "report.txt").read_text()


def test_a_report_may_be_read_in_part(folder: Path, edges: Path) -> None:
    report = " ".join(command("report", "--store", "runs"))
    done = subprocess.run(
        ["bash", "-c", f"{report} | head -1; echo ${{PIPESTATUS[0]}}"], cwd=folder, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "0" and done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_report_on_a_full_disk_is_a_line(folder: Path, edges: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("report", "--store", "runs"), cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1 and "no space left" in done.stderr


@pytest.mark.parametrize("kind", ["link", "file", "link to nowhere"])
def test_a_step_that_is_no_folder_is_made_again(folder: Path, edges: Path, tmp_path: Path, kind: str) -> None:
    before = results(edges).read_bytes()
    step = next((edges / ".steps" / "outputs").iterdir())
    step.rename(tmp_path / "aside")
    if kind == "file":
        step.write_text("no folder")
    else:
        step.symlink_to(tmp_path / ("aside" if kind == "link" else "nowhere"))
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert step.is_dir() and not step.is_symlink() and results(edges).read_bytes() == before
    assert (tmp_path / "aside" / "step.json").exists()  # what a link points to is nobody's to remove


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_whoever_holds_the_store_is_no_reason_to_fail(folder: Path, edges: Path, tmp_path: Path, kind: str) -> None:
    holder = edges / ".lock.holder"
    holder.unlink(missing_ok=True)
    (tmp_path / "precious").write_text("keep me")
    holder.mkdir() if kind == "folder" else holder.symlink_to(tmp_path / "precious")
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "precious").read_text() == "keep me"
    holder.rmdir() if kind == "folder" else holder.unlink()


def test_what_a_removed_store_left_behind_blocks_nothing(folder: Path, edges: Path) -> None:
    before = results(edges).read_bytes()
    (results(edges).parent / "config.json").unlink()
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert results(edges).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "study.yaml", "--store", "s" * 300), "cannot be a folder (File name too long)"),
        (("run", "study.yaml", "--output", "o" * 300), "cannot be a folder (File name too long)"),
        (("validate", "study.yaml", "--store", "s" * 300), "cannot be read (File name too long)"),
        (("store", "size", "--store", "s" * 300), "cannot be read (File name too long)"),
        (("report", "r" * 300), "File name too long; give another path"),
        (("compare", "r" * 300, "study.yaml"), "File name too long; give another path"),
        (("validate", f"{'y' * 300}.yaml"), "File name too long; give another path"),
        (("validate", "loop.yaml"), "no such"),
        (("validate", "pipe.yaml"), "is no regular file but a pipe or a device"),
        (("validate", "study.yaml", "--set", "seed=2026-13-45"), "is not plain YAML; quote it"),
        (("validate", "study.yaml", "--set", f"seed={'9' * 5000}"), "is not plain YAML; quote it"),
        (("validate", "study.yaml", "--set", f"seed={'[' * 5000}"), "is not plain YAML; quote it"),
        (("validate", "study.yaml", "--set", "seed=*anchor"), "is not plain YAML; quote it"),
        (("validate", "study.yaml", "--set", "seed=!!timestamp x"), "is not plain YAML; quote it"),
        (("validate", "study.yaml", "--set", "seed={[1]: 2}"), "is not plain YAML; quote it"),
        (("validate", "merges.yaml"), "merges without end"),
    ],
)
def test_bad_places_and_values_are_a_line(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    if not (pipe := folder / "pipe.yaml").exists():
        os.mkfifo(pipe)
    if not (loop := folder / "loop.yaml").is_symlink():
        loop.symlink_to(loop)
    doubling = (f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}], k{i}: 1}}\n" for i in range(1, 40))
    (folder / "merges.yaml").write_text("a0: &a0 {x: 1, y: 2}\n" + "".join(doubling))
    done = scalemodel(*arguments, cwd=folder)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and said in done.stderr and len(done.stderr) < 500


def test_a_hub_id_that_cannot_be_one_is_told_before_anything_is_read(folder: Path) -> None:
    models = "tasks.text-classification.models.tiny.checkpoint"
    for place, name in (
        (models, "{hub: a b}"),
        ("tasks.text-classification.data.evaluation", "{hub: a/b/c, split: x}"),
    ):
        done = scalemodel("validate", "study.yaml", "--set", f"{place}={name}", cwd=folder)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1 and "is no id of a model or a data set" in done.stderr


def test_a_model_that_no_hub_answers_for_is_told_before_any_work(folder: Path, tmp_path: Path) -> None:
    setting = "tasks.text-classification.models.tiny.checkpoint={hub: nobody/nothing}"
    done = scalemodel(
        *("run", "study.yaml", "--store", tmp_path / "runs", "--set", setting),
        cwd=folder,
        HF_ENDPOINT="http://127.0.0.1:9",
        HF_HOME=str(tmp_path / "hub"),
    )
    assert done.returncode == 2 and not (tmp_path / "runs").exists()
    assert len(done.stderr.splitlines()) == 1 and "cannot fetch 'nobody/nothing'" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a folder over another")
@pytest.mark.parametrize("done_before", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_shared_memory_is_not_needed(folder: Path, edges: Path, tmp_path: Path, done_before: bool) -> None:
    write_checkpoint("tiny", "text-classification", tmp_path)
    setting = f"tasks.text-classification.models.tiny.checkpoint={{folder: {tmp_path}}}"
    run = command("run" if done_before else "validate", "study.yaml", *([] if done_before else ["--set", setting]))
    run += ["--store", "runs", "--quiet"] if done_before else []
    hidden = ["unshare", "--mount", "bash", "-c", 'mount -t tmpfs -o ro none /dev/shm || exit 77; exec "$@"', "-"]
    done = subprocess.run([*hidden, *run], cwd=folder, capture_output=True, text=True)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("mounting is not allowed here")
    assert done.returncode == 0, done.stderr
