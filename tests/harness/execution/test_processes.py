"""Worker processes: events, failures one by one, a time-out, and a remote deployment that dies."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.config.checkpoints import CheckpointSource, CutCheckpoint, FolderCheckpoint, RandomCheckpoint
from harness.config.strict import Strict
from harness.errors import CRASHED, ERROR, REFUSED, SKIPPED, TIMED_OUT, StepFailed
from harness.execution.processes import run_group
from harness.inference.remote_deployment import remote_deployment
from harness.steps import checkpoint
from harness.store.step import Step, StepInputs, StepRef
from harness.store.steps import Store
from harness.store.timings import read_so_far
from tests.end_to_end.hostile import lay_traps
from tests.harness.options import deployment_options


def getting(key: str, source: CheckpointSource, parent: StepRef | None = None) -> Step:
    options = checkpoint.Options(
        task="text-classification",
        labels=("negative", "positive"),
        source=source,
        digest="",
        new_head=True,
        seed=0,
    )
    return Step("checkpoint", key, f"get {key}", "checkpoint", {}, options, checkpoint.Inputs(parent=parent))


def run(steps: list[Step], store: Store, folder: Path, timeout: float = 120) -> tuple[list[Any], list[tuple[str, str]]]:
    heard: list[tuple[str, str]] = []
    with (folder / "log.txt").open("w") as log:
        failures = run_group(
            steps,
            store,
            steps_folder=folder / "steps",
            log=log,
            timeout_seconds=timeout,
            listen=lambda step, event: heard.append((step.key, event["event"])),
        )
    return failures, heard


def children() -> set[psutil.Process]:
    """Of this process; other tests may have left a server of theirs."""
    return set(psutil.Process().children())


def test_a_failing_step_does_not_keep_the_next_from_being_done(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    cut = CutCheckpoint(cut="missing", layers=(0,))
    steps = [
        getting("missing", FolderCheckpoint(folder=tmp_path / "nowhere")),
        getting("wrong", cut),  # of no parent
        getting("orphan", cut, StepRef(kind="checkpoint", key="missing")),
        getting("good", RandomCheckpoint(random="bert-tiny")),
    ]
    failures, heard = run(steps, store, tmp_path)
    assert [(failure.step.key, failure.status) for failure in failures] == [
        ("missing", REFUSED),
        ("wrong", ERROR),
        ("orphan", SKIPPED),
    ]
    assert "nowhere" in failures[0].reason
    assert store.has("checkpoint", "good") and not store.has("checkpoint", "missing")
    assert heard[-2:] == [("good", "started"), ("good", "finished")]
    record = json.loads((store.path("checkpoint", "good") / "step.json").read_text())
    assert 100 << 20 < record["peak_bytes"] < 10 << 30  # torch is in it
    assert "Traceback" in (tmp_path / "log.txt").read_text()
    # The command that the report shows does it again, and says why it fails.
    _, *arguments = shlex.split(failures[0].command or "")
    (tmp_path / "here").mkdir()
    lay_traps(tmp_path / "here", marker=tmp_path / "sprung")
    again = subprocess.run([sys.executable, *arguments], cwd=tmp_path / "here", capture_output=True, text=True)
    assert again.returncode == 1 and "nowhere" in again.stdout
    assert not (tmp_path / "sprung").exists()


def test_a_step_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    others = children()
    failures, _ = run([getting("slow", RandomCheckpoint(random="bert-tiny"))], store, tmp_path, timeout=0.2)
    assert [failure.status for failure in failures] == [TIMED_OUT]
    assert not store.has("checkpoint", "slow")
    assert children() <= others


TICKING = """
import os
import signal
import time

from harness.config.strict import Strict
from harness.store.step import StepInputs
from harness.store.timings import Measured


class Options(Strict):
    ticks: int
    silence: int


class Inputs(StepInputs):
    pass


def run(context):
    for tick in range(context.options.ticks):
        context.progress(f"tick {tick}", 0.0)
        Measured(context.destination).add(**{f"tick {tick}": tick})
        time.sleep(0.25)
    if context.options.silence < 0:
        (context.destination / "so-far.jsonl").open("a").write('{"half": 1')
        os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(context.options.silence)
"""
TIMEOUT = 3


class Ticking(Strict):
    """The options of `TICKING`."""

    ticks: int
    silence: int


@pytest.fixture
def ticking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, int], Step]:
    """Steps of a kind that only this test's workers know: they tell of progress, then fall silent for seconds."""
    (tmp_path / "more_steps").mkdir()
    (tmp_path / "more_steps/ticking.py").write_text(TICKING)
    registered = f"""
import harness.steps
from harness.steps import registry

harness.steps.__path__.append({str(tmp_path / "more_steps")!r})
registry.KINDS += ("ticking",)
"""
    (tmp_path / "sitecustomize.py").write_text(registered)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def step(key: str, ticks: int, silence: int) -> Step:
        return Step("ticking", key, key, "ticking", {}, Ticking(ticks=ticks, silence=silence), StepInputs())

    return step


@pytest.mark.slow
def test_a_step_that_tells_of_its_progress_may_take_longer(tmp_path: Path, ticking: Callable[..., Step]) -> None:
    store = Store(tmp_path / "store")
    others = children()
    patient, silent, next_one = ticking("patient", 20, 0), ticking("silent", 1, 600), ticking("next", 1, 0)
    failures, heard = run([patient, silent, next_one], store, tmp_path, timeout=TIMEOUT)  # 20 ticks take longer
    assert [(failure.step.key, failure.status) for failure in failures] == [("silent", TIMED_OUT)]
    assert "neither end nor progress for 0.05 minutes" in failures[0].reason
    assert failures[0].reason.endswith("; last heard of: tick 0")
    assert heard.count(("patient", "progress")) == 20 and ("silent", "progress") in heard
    assert store.has("ticking", "patient") and store.has("ticking", "next") and not store.has("ticking", "silent")
    assert children() <= others


def test_a_step_that_dies_leaves_what_it_had_measured_until_the_next_run(
    tmp_path: Path, ticking: Callable[..., Step]
) -> None:
    store = Store(tmp_path / "store")
    with store.shared():
        failures, _ = run([ticking("dying", 2, -1), ticking("next", 1, 0)], store, tmp_path)
        assert [(failure.step.key, failure.status) for failure in failures] == [("dying", CRASHED)]
        assert failures[0].reason == "the process died of SIGSEGV; last heard of: tick 1"
        assert read_so_far(store.unfinished("dying")) == {"tick 0": 0, "tick 1": 1}
        assert read_so_far(store.unfinished("next")) == {} and store.has("ticking", "next")
    with store.shared():
        assert read_so_far(store.unfinished("dying")) == {}


def test_a_remote_deployment_that_cannot_be_opened(tmp_path: Path) -> None:
    options = deployment_options()
    with pytest.raises(StepFailed, match=r"model\.onnx") as caught, remote_deployment(tmp_path, options):
        pass
    assert caught.value.status == REFUSED


def test_a_remote_deployment_that_dies(tmp_path: Path) -> None:
    """Its process is killed while it opens: the caller lives on and hears of it."""
    (tmp_path / "model.onnx").write_bytes(b"")
    options = deployment_options(backend="torch-cpu", format="torch-fp32")

    def kill_children() -> None:
        for child in children() - others:
            child.send_signal(signal.SIGKILL)

    others = children()
    threading.Timer(0.3, kill_children).start()
    with pytest.raises(StepFailed, match="SIGKILL") as caught, remote_deployment(tmp_path, options):
        pass
    assert caught.value.status == CRASHED
