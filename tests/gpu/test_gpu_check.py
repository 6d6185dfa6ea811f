"""The check of a GPU, run where there is none: its record, its limits, and all of it on the stand-in."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.formats import FORMATS
from tests.gpu import study
from tests.gpu.__main__ import PARTS
from tests.gpu.record import Record, Skipped
from tests.gpu.trtexec import command, median_milliseconds
from tests.standin import needs_standin, on_standin


def skip() -> None:
    raise Skipped("not here")


def test_what_was_found_is_on_disk_after_each_item(tmp_path: Path) -> None:
    record = Record(tmp_path / "part.json", 60)
    assert record.item("one", lambda: {"ms": 1.5}) == {"ms": 1.5}
    assert record.item("two", skip) is None
    assert record.item("three", lambda: 1 / 0) is None
    found = json.loads((tmp_path / "part.json").read_text())
    assert found["items"] == {"one": {"ms": 1.5}} and found["skipped"] == {"two": "not here"}
    assert found["failed"]["three"].startswith("ZeroDivisionError: division by zero (test_gpu_check.py:")


def test_nothing_is_begun_after_the_limit(tmp_path: Path) -> None:
    record = Record(tmp_path / "part.json", 0)
    assert record.item("late", lambda: 1) is None
    assert json.loads((tmp_path / "part.json").read_text())["skipped"] == {"late": "no time left"}


def test_trtexec_is_asked_for_compute_alone_and_understood() -> None:
    asked = command(Path("m.engine"), ("input_ids", "attention_mask"), (8, 128), profile=2)
    assert asked[0] == "trtexec" and {"--useCudaGraph", "--noDataTransfers", "--useProfile=2"} <= set(asked)
    assert "--shapes=input_ids:8x128,attention_mask:8x128" in asked
    said = """
[I] Latency: min = 0.41 ms, max = 0.72 ms, mean = 0.44 ms, median = 0.43 ms, percentile(90%) = 0.46 ms
[I] GPU Compute Time: min = 0.389 ms, max = 0.71 ms, mean = 0.401 ms, median = 0.398 ms, percentile(90%) = 0.41 ms
"""
    assert median_milliseconds(said) == 0.398
    with pytest.raises(ValueError, match="told no median"):
        median_milliseconds("&&&& FAILED")


def test_without_a_gpu_each_part_says_what_it_skipped(tmp_path: Path) -> None:
    """No time for the models: what needs one says so."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu", str(tmp_path), "--one", "kernels", "--seconds", "5"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "no model was made" in json.loads((tmp_path / "kernels.json").read_text())["skipped"]["model"]


@pytest.mark.nightly
def test_the_study_shows_all_four_characteristics(tmp_path: Path) -> None:
    """On the CPU, as the stand-in's outputs are zeros."""
    formats = ("onnx-fp32", "onnx-fused-fp16")
    told = study.run_study(tmp_path, 900, formats, ("onnxruntime-cpu",))
    assert told["exit status"] == 0, told["report"]
    names = [f"{model}/{format}@onnxruntime-cpu" for model in ("reference", "tiny") for format in formats]
    pairs = {" and ".join(pair) for pair in itertools.combinations(names, 2)}
    found = study.compared(tmp_path)
    assert list(found) == list(study.CHARACTERISTICS)
    assert [pairs - set(one) for one in found.values()] == [set()] * 4


@needs_standin
@pytest.mark.nightly
def test_all_of_it_on_the_stand_in(tmp_path: Path) -> None:
    parts = [part for part in PARTS if part != "suite"]
    on_standin("-m", "tests.gpu", tmp_path, "--parts", *parts, seconds=900, expected=(0, 1))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert {part["status"] for part in summary.values()} == {"done"}, summary
    told = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("models", *parts)}
    assert not any(part["failed"] for part in told.values()), summary
    served = [name.removeprefix("small/") for name in told["models"]["items"] if "checkpoint" not in name]
    assert {"onnx-fp32", "onnx-fused", "onnx-packed"} <= set(served) <= set(FORMATS)
    for format in served:
        assert f"small/{format}, TF32 on" in told["parity"]["items"]
        assert f"onnxruntime-cuda {format}, eager" in told["kernels"]["items"]
        assert f"{format}, eager, milliseconds" in told["latency"]["items"]
        assert f"onnxruntime-cuda {format}, kSameAsRequested" in told["memory"]["items"]
        rates = told["throughput"]["items"][f"onnxruntime-cuda {format}, sequences of 128 tokens a second"]
        assert "budget 4096, callers 4" in rates
    graph = told["kernels"]["items"]["onnxruntime-cuda onnx-fused, graph"]["sums"]
    assert graph["GRAPH launch"] == 1 and "KERNEL" not in graph
    assert all("torch" in name for name in told["throughput"]["skipped"])
    assert sum(name.startswith("ceiling") for name in told["throughput"]["items"]) == 3
    deployments = told["study"]["items"]["results"]["deployments"]
    assert {name.rpartition("@")[2] for name in deployments} == {"torch-cuda", "onnxruntime-cuda"}
    assert "outputs are zeros" in told["study"]["skipped"]["characteristics"]
