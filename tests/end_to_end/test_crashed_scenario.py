"""A process that dies in one scenario: its figures before that are reported, and the next run measures it anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.driver import scalemodel, started

pytestmark = pytest.mark.slow

TASK = "text-classification"
FATAL = """
import os
import signal

import benchmarks.performance.throughput
import benchmarks.performance.tuning


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGSEGV)


benchmarks.performance.throughput.offline = die
benchmarks.performance.tuning.tune = die
"""


def test_a_crash_in_a_scenario_and_one_of_the_tuning(
    config: Path, exported: Path, run_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(exported, tmp_path / "runs")
    (tmp_path / "sitecustomize.py").write_text(FATAL)
    attacks = ("attack", "explanation")
    less = [part for name in attacks for part in ("--set", f"tasks.{TASK}.characteristics.{name}=null")]
    less += ["--set", "formats=[onnx-fp32]"]
    arguments: list[str | Path] = ["run", config, *less, "--set", "performance.tune=true"]
    arguments += ["--task", TASK, "--store", tmp_path / "runs", "--full"]
    crashed = started(*arguments, PYTHONPATH=str(tmp_path))
    assert crashed.returncode == 3
    (folder,) = (tmp_path / "runs").glob("small-*")
    results = json.loads((folder / "results.json").read_text())["tasks"][TASK]
    timed = json.loads((folder / "performance.json").read_text())["tasks"][TASK]
    named = [name for name, entry in results["deployments"].items() if entry["replicate_kind"] is None]
    assert list(timed) == named and len(named) == 2
    for name, figures in timed.items():
        assert figures["single_stream"]["p50_ms"] > 0 and figures["load_ms"] > 0
        assert figures["offline"] is None and figures["peak_memory_bytes"] is None and figures["tuned"] is None
        told = {failure["step"]: failure["reason"] for failure in results["failures"] if failure["deployment"] == name}
        assert told == {
            f"tune {name} on {TASK}": "the process died of SIGSEGV; last heard of: search",
            f"measure {name} on {TASK}": "the process died of SIGSEGV; last heard of: offline",
        }
    assert results["characteristics"]["prediction_errors"]["strata"]["all"]["pairs"]
    report = " ".join(crashed.stdout.split())
    for scenario in ("offline", "search"):  # on standard error once a deployment
        assert f"last heard of: {scenario}" in report
        assert crashed.stderr.count(f"last heard of: {scenario}") == 2
    p50 = min(figures["single_stream"]["p50_ms"] for figures in timed.values())
    assert f"{p50:.2f}" in report or f"{p50:.1f}" in report or f"{p50:.3f}" in report

    mended = scalemodel(*arguments, "--quiet")
    assert mended.returncode == 0, mended.stderr
    undisturbed = json.loads((run_folder / "results.json").read_text())["tasks"][TASK]
    results = json.loads((folder / "results.json").read_text())["tasks"][TASK]
    for part in ("data", "failures"):
        assert results[part] == undisturbed[part]
    assert all(results["deployments"][name] == undisturbed["deployments"][name] for name in named)
    timed = json.loads((folder / "performance.json").read_text())["tasks"][TASK]
    assert all(figures["offline"] and figures["tuned"] for figures in timed.values())
