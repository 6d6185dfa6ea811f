"""A training that was stopped and started again ends in the weights of one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.training.trainer import last_whole_save
from tests.harness.training.tiny_training import CASES, train_case

SCRIPT = Path(__file__).with_name("tiny_training.py")
TEACHER = "question-answering"


class Stopped(Exception):
    pass


def stop_at(fraction):
    def progress(description: str, done: float) -> None:
        if description.startswith("soft labels"):
            return
        if done >= fraction:
            raise Stopped

    return progress


def weights(folder: Path) -> bytes:
    return (folder / "trained/model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case == "classes" else pytest.mark.slow) for case in CASES]
)
def test_stopped_trainings_end_in_the_same_weights(case, starts, tmp_path):
    start, teacher = starts[CASES[case][0]], starts[TEACHER]
    undisturbed = train_case(case, start, teacher, tmp_path / "a")
    for fraction in (0.35, 0.8):
        with pytest.raises(Stopped):
            train_case(case, start, teacher, tmp_path / "b", stop_at(fraction))
    resumed_from = last_whole_save(tmp_path / "b/work")
    assert resumed_from is not None
    resumed = train_case(case, start, teacher, tmp_path / "b")
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert undisturbed == resumed  # the loss curve too
    assert len(undisturbed["loss"]) > 5


@pytest.mark.slow
def test_killed_processes_end_in_the_same_weights(starts, tmp_path):
    """SIGKILL in the middle of an epoch; the second process goes on to the end."""
    start = starts["question-answering"]
    train_case("answers", start, start, tmp_path / "a")
    command = [sys.executable, str(SCRIPT), "answers", str(start), str(start), str(tmp_path / "b")]
    for fraction in (0.6, 2.0):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = None
        for line in process.stdout:
            done = float(line.split()[0])
            first = done if first is None else first
            if done >= fraction:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        assert process.wait() == (-signal.SIGKILL if fraction < 1 else 0)
    assert first is not None and first > 0.5  # it did not begin anew
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


@pytest.mark.slow
def test_a_save_cut_short_is_passed_over(starts, tmp_path):
    start = starts["text-classification"]
    train_case("classes", start, start, tmp_path / "a")
    with pytest.raises(Stopped):
        train_case("classes", start, start, tmp_path / "b", stop_at(0.7))
    work = tmp_path / "b/work"
    whole = last_whole_save(work)
    assert whole is not None
    for number, state in ((900, None), (901, '{"epoch": 1.')):
        torn = work / f"checkpoint-{number}"
        torn.mkdir()
        (torn / "model.safetensors").write_bytes(b"half")
        if state:
            (torn / "trainer_state.json").write_text(state)
    assert last_whole_save(work) == whole
    assert [save.name for save in work.glob("checkpoint-*")] == [whole.name]
    train_case("classes", start, start, tmp_path / "b")
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


@pytest.mark.slow
def test_seeds_differ_and_the_global_random_state_does_not_matter(starts, tmp_path):
    import numpy as np
    import torch

    start = starts["text-classification"]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(3)
        np.random.random(3)
        train_case("classes", start, start, tmp_path / name, seed=seed, count=8)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")
