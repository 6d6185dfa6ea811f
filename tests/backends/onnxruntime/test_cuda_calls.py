"""What the CUDA backend asks of CUDA: the real provider of ONNX Runtime, on libraries that stand in for CUDA's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.performance.cuda_launches import make_artifacts, measure
from tests.shared import shared_folder
from tests.standin import needs_standin, on_standin

pytestmark = needs_standin

FORMATS = ("onnx-fp32", "onnx-fused", "onnx-fp16", "onnx-fused-fp16", "onnx-packed-fp16")

OPENED = """
import json, threading
from dataclasses import asdict
from pathlib import Path
import numpy as np
from backends.batching import infer_all, pad
from backends.concurrent_sessions import side_by_side
from backends.registry import open_backend
from benchmarks.performance.server import find_highest_rate
from tests.cuda_calls import counted
from tests.performance.cuda_launches import MATH

lengths = np.random.default_rng(0).integers(3, 100, 200)
rows = [np.ones(length, np.int64) for length in lengths]
texts = {{"input_ids": rows, "attention_mask": rows, "token_type_ids": rows}}

def open_one():
    return open_backend(
        "onnxruntime-cuda", Path({artifact!r}), format={format!r}, task="question-answering",
        options={{"provider": MATH, "cuda_graphs": {graphs}}},
    )
"""

PASSES = """
with side_by_side(open_one, 3) as workers:
    def one_pass():
        infer_all(workers.backends[0], texts, token_budget=400, per_token=frozenset(), workers=workers)
    one_pass()
    print(json.dumps(asdict(counted(lambda: [one_pass() for _ in range(10)]))))
"""

TRIALS = """
with open_one() as backend:
    def serve(indices):
        backend.infer(pad(texts, indices))
    serve([0]), serve([0])
    calls = counted(lambda: find_highest_rate(
        serve, 32, bound_ms=1e3, queries=662, min_seconds=0, service_ms=1e3 / 3000
    ))
    print(json.dumps(asdict(calls)))
"""


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A BERT of 6 layers, 384 wide, by format."""
    folder = shared_folder(
        tmp_path_factory,
        "cuda-calls",
        lambda folder: make_artifacts(folder, FORMATS, layers=6, hidden=384, heads=12),
    )
    return {name: folder / name for name in FORMATS}


def asked(script: str, artifact: Path, format: str, graphs: list[list[int]]) -> dict[str, Any]:
    """The calls that a process with the backend prints."""
    opened = OPENED.format(artifact=str(artifact), format=format, graphs=graphs)
    found: dict[str, Any] = json.loads(on_standin("-c", opened + script).stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(("format", "launches"), [("onnx-fused", 90), ("onnx-fp16", 200), ("onnx-fused-fp16", 90)])
def test_an_inference_takes_one_copy_each_way(artifacts: dict[str, Path], format: str, launches: int) -> None:
    _, calls, _ = measure(artifacts[format], format, graphs=False)
    assert calls.launches < launches
    assert (calls.copies, calls.pageable) == (2, 0)
    assert calls.synchronisations == 3  # behind the copy to the device, and ONNX Runtime's own two behind a run
    assert (calls.captures, calls.made) == (0, 0)


@pytest.mark.parametrize("format", ["onnx-fp32", "onnx-fused-fp16"])
def test_a_graph_is_one_launch_and_captured_once_whoever_calls(artifacts: dict[str, Path], format: str) -> None:
    opening, calls, other_thread = measure(artifacts[format], format, graphs=True)
    assert opening.captures == 1
    for found in (calls, other_thread):
        assert (found.launches, found.copies, found.pageable, found.captures, found.made) == (1, 2, 0, 0, 0)


def test_packed_tokens_are_fewer_launches_than_casts_and_masks(artifacts: dict[str, Path]) -> None:
    _, calls, _ = measure(artifacts["onnx-packed-fp16"], "onnx-packed-fp16", graphs=False)
    assert calls.launches < 80
    assert calls.copies == 4  # with those of how many tokens there are


GRAPHS = pytest.mark.parametrize("graphs", [[], [[4, 64], [4, 100]]], ids=["eager", "graphs"])


@GRAPHS
def test_workers_make_their_state_once_and_not_in_every_pass(
    artifacts: dict[str, Path], graphs: list[list[int]]
) -> None:
    """A stream and two handles for each of three threads, and as many for three calls at the same time."""
    calls = asked(PASSES, artifacts["onnx-fused"], "onnx-fused", graphs)
    assert calls["launches"] > 100
    assert calls["captures"] == 0
    assert calls["made"] <= 2 * 3 * 3  # new threads would make 9 in each of the ten passes


@GRAPHS
def test_no_trial_of_the_server_scenario_makes_any(artifacts: dict[str, Path], graphs: list[list[int]]) -> None:
    calls = asked(TRIALS, artifacts["onnx-fused"], "onnx-fused", graphs)
    assert calls["launches"] > 100
    assert (calls["captures"], calls["made"]) == (0, 0)
