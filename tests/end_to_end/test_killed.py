"""Whatever is killed, whenever: the next run goes on, and ends where an undisturbed one does."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from harness.store.atomic import write_json
from tests.end_to_end.driver import command, scalemodel

# Where it does not matter what a run does, it does less.
SHORT = ("--task", "question-answering")


@pytest.mark.parametrize(
    ("kills", "short"),
    [
        pytest.param(3, True, marks=pytest.mark.slow),
        pytest.param(20, False, marks=[pytest.mark.nightly, pytest.mark.timeout(1200)]),
    ],
)
def test_a_run_killed_at_random_moments_ends_in_the_same_results(
    config: Path, exported: Path, run_folder: Path, tmp_path: Path, kills: int, short: bool
) -> None:
    """Of one task that is exported already, or of all."""
    store = tmp_path / "runs"
    tasks = ["text-classification"] if short else ["question-answering", "text-classification"]
    run: list[str | Path] = ["run", config, "--store", store, "--quiet"]
    run += [word for task in tasks for word in ("--task", task)]
    if short:
        shutil.copytree(exported, store)
    moments = random.Random(0)
    for _ in range(kills):
        with subprocess.Popen(command(*run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(moments.uniform(1, 8))
            process.send_signal(signal.SIGKILL)
    done = scalemodel(*run)
    assert done.returncode == 0, done.stderr
    (results,) = store.glob("*/results.json")
    undisturbed = json.loads((run_folder / "results.json").read_text())
    undisturbed["tasks"] = {task: undisturbed["tasks"][task] for task in tasks}
    write_json(tmp_path / "undisturbed.json", undisturbed)
    assert results.read_bytes() == (tmp_path / "undisturbed.json").read_bytes()


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    found = []
    for child in process.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended meanwhile
            if "harness.execution.worker" in child.cmdline():
                found.append(child)
    return found


def test_workers_die_with_the_run(config: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("run", config, "--store", tmp_path, "--quiet"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        workers = wait_for_workers(run)
        run.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


@pytest.mark.slow
def test_a_killed_worker_costs_its_step_and_not_the_run(config: Path, store: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("run", config, *SHORT, "--store", tmp_path, "--quiet", "--full"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        (worker, *_) = wait_for_workers(run)
        worker.send_signal(signal.SIGKILL)
        report, errors = run.communicate(timeout=580)
    assert run.returncode == 3
    assert "SIGKILL" in errors and "Failures" in report
    assert len(list(tmp_path.glob("*/results.json"))) == 1
    mended = scalemodel("export", config, *SHORT, "--store", tmp_path, "--quiet")
    assert mended.returncode == 0, mended.stderr


def wait_for_workers(run: subprocess.Popen[str] | subprocess.Popen[bytes]) -> list[psutil.Process]:
    process = psutil.Process(run.pid)
    for _ in range(600):
        if workers := workers_of(process):
            time.sleep(1)
            return workers
        time.sleep(0.05)
    raise AssertionError("no worker was started")


def test_interrupting_stops_at_once_and_says_how_to_go_on(config: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("run", config, "--store", tmp_path, "--quiet"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has them ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:
        workers = wait_for_workers(run)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=30)
    assert run.returncode == 130
    assert errors.strip() == "scalemodel: stopped; the same command goes on from here"
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


def test_two_runs_in_one_folder_at_once(config: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("run", config, "--store", tmp_path, "--quiet"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        wait_for_workers(first)
        second = scalemodel("run", config, "--store", tmp_path)
        pruned = scalemodel("store", "prune", "--yes", "--store", tmp_path)
        told = scalemodel("store", "prune", "--store", tmp_path)
        first.kill()
    for refused in (second, pruned):
        assert refused.returncode == 2 and refused.stdout == ""
        assert "in use by another run" in refused.stderr
    assert f"(process {first.pid})" in second.stderr
    assert told.returncode == 0 and told.stdout.startswith("that frees 0 bytes")  # all is the first run's


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk(config: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        full = scalemodel("run", config, *SHORT, "--store", disk / "runs", "--quiet")
        assert full.returncode == 3
        assert full.stderr.count("\n") == 1, full.stderr
        line = full.stderr
        assert "disk" in line and "full" in line and "finished steps are kept" in line
        subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)
        mended = scalemodel("export", config, *SHORT, "--store", disk / "runs", "--quiet")
        assert mended.returncode == 0, mended.stderr
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
