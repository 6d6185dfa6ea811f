"""TensorRT as far as it goes without a GPU: profiles, the inspector's JSON, and files that are no engine."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.backend import Availability
from backends.errors import BackendError
from backends.onnx_interface import Port, check_ports
from backends.registry import availability, unsupported_reason
from backends.tensorrt.backend import TensorRt, choose_profile, engine_bytes
from backends.tensorrt.layers import layers_by_precision, matmuls_by_precision
from tests.backends.tensorrt.imitation import KINDS, ImitatedEngine, ImitatedRuntime
from tests.standin import needs_standin, on_standin

PROFILES = [
    [[1, 1], [1, 128], [1, 512]],
    [[1, 1], [64, 64], [64, 64]],
    [[1, 65], [32, 128], [32, 128]],
    [[1, 257], [8, 512], [8, 512]],
]


@pytest.mark.parametrize(
    ("rows", "length", "expected"),
    [
        (1, 7, (0, 1)),  # one request: its own profile, though others take it
        (1, 512, (0, 1)),
        (2, 7, (1, 64)),
        (64, 64, (1, 64)),
        (65, 64, (1, 64)),  # in two parts
        (10, 65, (2, 32)),
        (100, 300, (3, 8)),
        (3, 200, (0, 1)),  # no profile for batches of this length: one by one
    ],
)
def test_a_batch_runs_in_the_profile_with_the_fewest_calls(rows: int, length: int, expected: tuple[int, int]) -> None:
    assert choose_profile(PROFILES, rows, length) == expected


def test_too_many_tokens_are_refused() -> None:
    with pytest.raises(BackendError, match=r"513 tokens are more than the engine takes \(512\)"):
        choose_profile(PROFILES, 1, 513)


def layer(kind: str, given: str, made: str, **more: str) -> dict[str, Any]:
    return {
        "Name": "/bert/encoder/layer.0",
        "LayerType": kind,
        "Inputs": [{"Name": "a", "Dimensions": [8, 128, 768], "Format/Datatype": given}],
        "Outputs": [{"Name": "b", "Dimensions": [8, 128, 768], "Format/Datatype": made}],
        **more,
    }


def in_two(information: str) -> str:
    """As TensorRT 11's inspector says it: format and type under keys of their own."""
    told = json.loads(information)
    for each in told["Layers"]:
        for port in (*each["Inputs"], *each["Outputs"]):
            port |= {"Format": "Row major linear", "Datatype": port.pop("Format/Datatype").removesuffix(" format")}
    return json.dumps(told)


@pytest.mark.parametrize("said", [str, in_two], ids=["TensorRT 10", "TensorRT 11"])
def test_the_inspectors_layers_are_counted_by_precision(said: Callable[[str], str]) -> None:
    information = json.dumps(
        {
            "Layers": [
                layer("gemm", "Row major Int8 format", "Half"),
                layer("CaskGemmMatrixMultiply", "Half", "Row major linear FP16 format"),
                layer("kgen", "Float", "Half"),
                layer("CaskConvolution", "Int8", "Int8", ParameterType="FullyConnected"),
                layer("gemm", "BFloat16", "BFloat16"),
                layer("NoOp", "Row major linear FP32", "Row major linear FP32"),
                {"Name": "no outputs", "LayerType": "Signal", "Inputs": [], "Outputs": []},
            ],
            "Bindings": ["input_ids", "logits"],
        }
    )
    assert layers_by_precision(said(information)) == {"bf16": 1, "fp16": 3, "fp32": 1, "int8": 1}
    assert matmuls_by_precision(said(information)) == {"bf16": 1, "fp16": 1, "int8": 2}


def test_an_engine_without_detail_names_its_layers_only() -> None:
    information = json.dumps({"Layers": ["gemm_0 + bias", "softmax"], "Bindings": []})
    assert layers_by_precision(information) is matmuls_by_precision(information) is None


def test_layers_without_a_precision_are_no_empty_answer() -> None:
    unread = layer("gemm", "Half", "Half")
    unread["Inputs"][0]["Type"] = unread["Inputs"][0].pop("Format/Datatype")
    with pytest.raises(BackendError, match="precision of no matrix product, of 1 layers"):
        matmuls_by_precision(json.dumps({"Layers": [unread]}))
    with pytest.raises(BackendError, match="precision of no layer, of 1 layers"):
        layers_by_precision(json.dumps({"Layers": [{**unread, "Outputs": []}]}))


def test_what_is_no_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no model\.engine in .*tensorrt format"):
        engine_bytes(tmp_path)
    (tmp_path / "model.engine").write_bytes(b"PK\3\4 something else")
    with pytest.raises(BackendError, match=r"is no TensorRT engine \(19 bytes\); export it again"):
        engine_bytes(tmp_path)
    (tmp_path / "model.engine").write_bytes(b"ftrt" + bytes(40))
    assert len(engine_bytes(tmp_path)) == 44


def test_it_takes_engines_and_says_what_is_missing() -> None:
    assert unsupported_reason("tensorrt", "tensorrt-int8") is None
    assert "use onnxruntime-cpu" in (unsupported_reason("tensorrt", "onnx-fp16") or "")
    assert "use tensorrt" in (unsupported_reason("onnxruntime-tensorrt", "tensorrt-fp16") or "")
    found = availability("tensorrt")
    if not found.available:
        assert found.reason and found.remedy


@pytest.fixture(params=["INT64", "INT32"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def library(kind: str, monkeypatch: pytest.MonkeyPatch) -> ImitatedEngine:
    """The engine that the imitated TensorRT reads from any file, its inputs of this type."""
    runtime = ImitatedRuntime()
    kinds = {"input_ids": kind, "attention_mask": kind, "logits": "HALF", "representation": "FLOAT"}
    engine = ImitatedEngine(runtime, kinds, [[[1, 1], [1, 8], [1, 8]], [[1, 1], [2, 8], [2, 8]]])
    tensorrt = ModuleType("tensorrt")
    reader = SimpleNamespace(deserialize_cuda_engine=lambda content: engine)
    tensorrt.__dict__.update(
        __version__="10.13.2",
        TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
        Logger=type("Logger", (), {"ERROR": 1, "__init__": lambda self, level: None}),
        Runtime=lambda logger: reader,
        init_libnvinfer_plugins=lambda logger, namespace: True,
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED="user managed"),
    )
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt)
    monkeypatch.setattr("backends.tensorrt.backend.CudaRuntime", lambda: runtime)
    monkeypatch.setattr(TensorRt, "availability", classmethod(lambda cls: Availability("tensorrt", True, "", "", {})))
    return engine


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    (tmp_path / "model.engine").write_bytes(b"ftrt" + bytes(40))
    return tmp_path


def opened(artifact: Path, **options: Any) -> TensorRt:
    return TensorRt(artifact, format="tensorrt-prebuilt", task="text-classification", options=options)


def batch(rows: int, length: int = 8, first: int = 0) -> dict[str, NDArray[np.int64]]:
    ids = np.arange(first, first + rows * length, dtype=np.int64).reshape(rows, length)
    return {"input_ids": ids, "attention_mask": np.ones((rows, length), dtype=np.int64)}


def assert_right(outputs: Mapping[str, NDArray[np.float32]], feeds: Mapping[str, NDArray[np.int64]]) -> None:
    assert {array.dtype for array in outputs.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(outputs["logits"][:, 0], feeds["input_ids"].sum(axis=1))
    np.testing.assert_array_equal(outputs["representation"][:, 0], feeds["attention_mask"].sum(axis=1))


def test_parts_of_a_batch_keep_their_own_outputs_with_two_in_flight(library: ImitatedEngine, artifact: Path) -> None:
    with opened(artifact) as backend:
        for first in (0, 3, 7):
            feeds = batch(7, first=first)  # four calls: three of two rows, and one
            assert_right(backend.infer(feeds), feeds)
        assert backend._opened().lanes == 2
        assert library.runtime.counts["to device"] == library.runtime.counts["to host"] == 3 * 4
    assert not library.runtime.blocks and not library.runtime.graphs and not library.runtime.pending


def test_a_shape_is_captured_the_second_time_and_launched_from_the_third_on(
    library: ImitatedEngine, artifact: Path
) -> None:
    counts = library.runtime.counts
    with opened(artifact) as backend:
        for time, (captures, launches) in enumerate([(0, 0), (1, 0), (1, 1), (1, 2)]):
            feeds = batch(2, first=time)
            assert_right(backend.infer(feeds), feeds)
            assert (counts["captures"], counts["launches"]) == (captures, launches)
        for length in (5, 6, 7):  # in between, the context that goes from shape to shape
            assert_right(backend.infer(batch(1, length)), batch(1, length))
        feeds = batch(2, first=9)
        assert_right(backend.infer(feeds), feeds)
        assert (counts["captures"], counts["launches"]) == (1, 3)
        assert backend._opened().lanes == 1 and len(library.contexts) == 2


def test_without_graphs_nothing_is_captured(library: ImitatedEngine, artifact: Path) -> None:
    with opened(artifact, cuda_graphs=False) as backend:
        for first in range(3):
            feeds = batch(2, first=first)
            assert_right(backend.infer(feeds), feeds)
        assert library.runtime.counts["captures"] == 0 and len(library.contexts) == 1


def test_an_engine_that_cannot_be_captured_says_what_to_set(library: ImitatedEngine, artifact: Path) -> None:
    library.capturable = False
    with opened(artifact) as backend:
        backend.infer(batch(2))
        with pytest.raises(BackendError, match=r"cannot be captured as a CUDA graph .*option cuda_graphs of tensorrt"):
            backend.infer(batch(2))


def test_only_the_latest_graphs_are_kept(
    library: ImitatedEngine, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.tensorrt.runner.KEPT", 2)
    with opened(artifact) as backend:
        for length in (3, 4, 5, 3):
            for first in range(3):
                feeds = batch(1, length, first)
                assert_right(backend.infer(feeds), feeds)
            assert len(library.runtime.graphs) <= 2
        assert library.runtime.counts["captures"] == 4


def test_callers_have_lanes_of_their_own(library: ImitatedEngine, artifact: Path) -> None:
    with opened(artifact) as backend, ThreadPoolExecutor(3) as pool:
        assert backend.serves_all_callers
        together = threading.Barrier(3)

        def infer(first: int) -> None:
            together.wait()
            for time in range(20):
                feeds = batch(2, first=first + time)
                assert_right(backend.infer(feeds), feeds)

        list(pool.map(infer, (0, 5, 11)))
        assert 1 <= backend._opened().lanes <= 3


def test_the_stages_of_all_parts_are_timed(library: ImitatedEngine, artifact: Path) -> None:
    with opened(artifact) as backend:
        times = backend.device_times(batch(5))
        assert times is not None and set(times) == {"host_to_device", "compute", "device_to_host"}
        assert_right(backend.infer(batch(5)), batch(5))


def test_an_output_of_an_unknown_type_is_refused(library: ImitatedEngine, artifact: Path) -> None:
    library.kinds["representation"] = "FP8"
    KINDS["FP8"] = np.uint8
    try:
        with pytest.raises(BackendError, match=r"'representation' of .* is FP8; known are INT64"):
            opened(artifact).open()
    finally:
        del KINDS["FP8"]


@needs_standin
def test_cudas_own_calls(tmp_path: Path) -> None:
    """On the stand-in: pinned memory, one copy each way, and one launch of a graph from the third time on."""
    code = f"""
import ctypes, numpy as np
from backends.tensorrt.cuda_runtime import CudaRuntime
from backends.tensorrt.runner import EngineRunner, Lane, Part
from tests.backends.tensorrt.imitation import ImitatedEngine

class Runtime(CudaRuntime):
    capturing = ()
    def give(self, stream, work):  # the stand-in's copies are done at once
        work()
    def capture(self, stream, enqueue):
        self.capturing = (stream,)
        try:
            return super().capture(stream, enqueue)
        finally:
            self.capturing = ()

runtime = Runtime()
kinds = {{"input_ids": "INT64", "attention_mask": "INT64", "logits": "FLOAT", "representation": "FLOAT"}}
engine = ImitatedEngine(runtime, kinds, [[[1, 1], [2, 8], [4, 8]]])
types = [{{name: np.dtype(np.int64) for name in list(kinds)[:2]}}, {{name: np.dtype("f4") for name in list(kinds)[2:]}}]
context = lambda: engine.create_execution_context("user managed")
runner = EngineRunner(lambda: Lane(engine, runtime, *types, context, graphs=True))
feeds = {{name: np.ones((2, 8), np.int64) for name in types[0]}}
for time in range(4):
    if time == 2:
        runtime._library.fake_reset()
    made = runner.infer([Part(0, feeds)])
    assert made["logits"].tolist() == [[8.0], [8.0]], made
runtime._library.fake_dump({str(tmp_path / "counts")!r}.encode())
runner.close()
print("done")
"""
    assert on_standin("-c", code).stdout.strip() == "done"
    lines = [line.split("\t") for line in (tmp_path / "counts").read_text().splitlines()]
    counts = {what: count for count, what in lines}
    assert counts["GRAPH launch"] == "2" and counts["SYNC cudaStreamSynchronize"] == "4"
    copies = {name: count for name, count in counts.items() if name.startswith("COPY")}
    assert copies == {
        "COPY cudaMemcpyAsync H2D pinned->device 512 bytes": "2",
        "COPY cudaMemcpyAsync D2H device->pinned 512 bytes": "2",
    }


def test_other_types_of_inputs_are_refused(tmp_path: Path) -> None:
    ports = [Port(name, "float", (None, None)) for name in ("input_ids", "attention_mask")]
    with pytest.raises(BackendError, match="is float; it must be int64 or int32"):
        check_ports("tensorrt", tmp_path, ports, [], (), types=("int64", "int32"))
