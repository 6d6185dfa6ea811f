"""A whole run keeps to itself: no code of the folder that one is in, no connection, no name looked up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.demo import write_checkpoint
from tests.end_to_end.driver import command, started
from tests.end_to_end.hostile import lay_traps

STUDY = """
study: sealed
formats: [onnx-fp32, torch-fp32]
backends: [onnxruntime-cpu, openvino-cpu, torch-cpu]
performance: {samples: 4, min_warmup_seconds: 0, max_warmup_seconds: 0.1, min_seconds: 0.05, min_count: 4, tune: false,
  paired_processes: 1}
tasks:
  text-classification:
    reference: own
    labels: [negative, positive]
    models: {own: {checkpoint: {folder: checkpoint}}}
    data:
      train: {embedded: train, size: 60}
      evaluation: {embedded: evaluation, size: 60}
    verification_examples: 8
    max_length: 128
    execution_floor: false
    characteristics:
      bootstrap: 100
      representation: {k: [5]}
      attack: {ATTACK}
      explanation: {sample: 2, samples: 20}
"""
RECIPE = "recipe: deepwordbug, sample: 2"
OURS = "masked_language_model: {checkpoint: {embedded: reviews}}, sample: 2"

strace = shutil.which("strace")
CALLS = "trace=connect,sendto,sendmsg,sendmmsg,openat"
TRACED = (strace or "", "-f", "-qq", "--seccomp-bpf", "-e", CALLS, "-e", "signal=none", "-o")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with its checkpoint, among modules that must not be imported."""
    root = tmp_path_factory.mktemp("sealed")
    (root / "study").mkdir()
    (root / "home").mkdir()
    lay_traps(root / "study", marker=root / "sprung")
    for attack in (RECIPE, OURS):
        name = attack.partition(":")[0]
        (root / "study" / f"{name}.yaml").write_text(STUDY.replace("ATTACK", attack))
    write_checkpoint("tiny", "text-classification", root / "study" / "checkpoint")
    return root


@pytest.fixture(scope="module")
def runs(folder: Path) -> Path:
    """Both studies done; with strace, what they asked of the network is in files beside them."""
    variables = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    for study in ("recipe", "masked_language_model"):
        watched = (*TRACED, str(folder / f"{study}.trace")) if strace else ()
        done = subprocess.run(
            [*watched, *command("run", f"{study}.yaml", "--quiet")],
            cwd=folder / "study",
            env={**variables, "HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "home" / ".cache")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.nightly
def test_no_module_of_the_current_folder_is_imported(runs: Path) -> None:
    assert len(list(runs.glob("study/runs/*/results.json"))) == 2
    assert not (runs / "sprung").exists()


@pytest.mark.slow
def test_validate_and_doctor_import_none_either(folder: Path) -> None:
    for arguments in (("validate", "recipe.yaml"), ("doctor",), ("list", "models")):
        done = started(*arguments, cwd=folder / "study")
        assert done.returncode == 0, done.stderr
    assert not (folder / "sprung").exists()


@pytest.mark.nightly
@pytest.mark.skipif(strace is None, reason="strace is not there")
def test_no_connection_is_opened_and_no_name_looked_up(runs: Path) -> None:
    """What was tried, whatever a network would have answered, by every process of the run, in Python or below it."""
    for study in ("recipe", "masked_language_model"):
        trace = runs / f"{study}.trace"
        assert "results.json" in trace.read_text()
        assert asked_of_a_network(trace) == []


@pytest.mark.skipif(strace is None, reason="strace is not there")
@pytest.mark.parametrize("call", ["getaddrinfo('scalemodel.invalid', 80)", "socket().connect_ex(('127.0.0.1', 9))"])
def test_a_network_that_is_asked_is_seen(tmp_path: Path, call: str) -> None:
    asking = f"import contextlib, socket\nwith contextlib.suppress(OSError): socket.{call}"
    subprocess.run([*TRACED, str(tmp_path / "trace"), sys.executable, "-c", asking], check=True)
    assert asked_of_a_network(tmp_path / "trace") != []


def asked_of_a_network(trace: Path) -> list[str]:
    """Connections, what is sent without one, and what the C library reads before it looks a name up."""
    return [call for call in trace.read_text().splitlines() if re.search(r"AF_INET|/etc/resolv\.conf", call)]


@pytest.mark.nightly
def test_no_runtime_keeps_a_record_of_its_user(runs: Path) -> None:
    assert not [path for path in (runs / "home").rglob("*") if re.search("(?i)onnxruntime|microsoft|intel", path.name)]
