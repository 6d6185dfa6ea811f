"""Bound inputs and outputs: what `session.run` gives, in the same buffers every time.

Run for real on the CPU, where a device's buffers are in memory: the calls are those that are made for a GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.batching import infer_all, pad
from backends.concurrent_sessions import side_by_side
from backends.errors import BackendError
from backends.onnxruntime import device_buffers
from backends.onnxruntime.cpu import CPU, OnnxRuntimeCpu
from backends.onnxruntime.cuda import OnnxRuntimeCuda
from backends.onnxruntime.device_buffers import DeviceBuffers, smallest
from backends.onnxruntime.tensorrt import OnnxRuntimeTensorrt

Ragged = dict[str, list[NDArray[np.int64]]]
Open = Callable[..., OnnxRuntimeCuda]
PER_TOKEN = frozenset({"start_logits", "end_logits"})
GRAPHS = [[1, 16], [4, 16], [4, 32]]


class CudaOnCpu(OnnxRuntimeCuda):
    """All of the CUDA backend but its provider, and the device that its buffers are on."""

    provider = CPU
    device = "cpu"

    def _prepare(self) -> None:
        self._session = None

    def _providers(self) -> list[tuple[str, dict[str, str]]]:
        return [(CPU, {})]


@pytest.fixture
def open_bound(task: str, onnx_artifact: Path) -> Open:
    def open_one(**options: Any) -> OnnxRuntimeCuda:
        return CudaOnCpu(onnx_artifact, format="onnx-fp32", task=task, threads=1, options=options).open()

    return open_one


@pytest.fixture
def reference(task: str, onnx_artifact: Path) -> Iterator[OnnxRuntimeCpu]:
    with OnnxRuntimeCpu(onnx_artifact, format="onnx-fp32", task=task, threads=1) as backend:
        yield backend


def assert_same(outputs: dict[str, Any], expected: dict[str, Any]) -> None:
    assert outputs.keys() == expected.keys()
    for name, array in expected.items():
        assert outputs[name].dtype == np.float32
        np.testing.assert_array_equal(outputs[name], array)


def test_outputs_are_those_of_session_run(open_bound: Open, reference: OnnxRuntimeCpu, ragged: Ragged) -> None:
    """Every shape three times: outputs are allocated in the first run, and bound in all others."""
    with open_bound() as backend:
        for _ in range(3):
            for rows in ([0], [1, 2, 3], [4], [5, 6, 7, 8]):
                assert_same(backend.infer(pad(ragged, rows)), reference.infer(pad(ragged, rows)))


def test_buffers_are_reused(reference: OnnxRuntimeCpu, ragged: Ragged) -> None:
    buffers = DeviceBuffers(reference._session, reference.outputs, per_token=PER_TOKEN, device="cpu")
    bound = buffers.of(pad(ragged, [0, 1], length=24))

    def addresses() -> list[int]:
        return [value.data_ptr() for value in (bound._inputs._value, *bound._binding.get_outputs())]

    buffers.infer(pad(ragged, [0, 1], length=24))
    first = addresses()
    buffers.infer(pad(ragged, [2, 3], length=16))
    buffers.infer(pad(ragged, [4, 5], length=24))
    assert buffers.of(pad(ragged, [6, 7], length=24)) is bound
    assert addresses() == first


def test_only_the_latest_shapes_are_kept(
    reference: OnnxRuntimeCpu, ragged: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_buffers, "KEPT", 2)
    buffers = DeviceBuffers(reference._session, reference.outputs, per_token=PER_TOKEN, device="cpu", graphs=[(1, 32)])
    graph, first, second = (buffers.of(pad(ragged, rows, length=24)) for rows in ([0], [0, 1], [0, 1, 2]))
    assert buffers.of(pad(ragged, [0, 1], length=24)) is first
    buffers.of(pad(ragged, [0, 1, 2, 3], length=24))
    assert buffers.of(pad(ragged, [0, 1], length=24)) is first
    assert buffers.of(pad(ragged, [0, 1, 2], length=24)) is not second
    assert buffers.of(pad(ragged, [7], length=24)) is graph


def test_batches_are_padded_to_what_is_captured(open_bound: Open, reference: OnnxRuntimeCpu, ragged: Ragged) -> None:
    with open_bound(cuda_graphs=GRAPHS) as backend:
        for rows, length in (([0], None), ([1, 2, 3], None), ([1, 2], 28), ([4, 5, 6, 7], 32), (range(9), None)):
            feeds = pad(ragged, rows, length=length)
            outputs, expected = backend.infer(feeds), reference.infer(feeds)
            mask = feeds["attention_mask"].astype(bool)
            for name, array in expected.items():
                assert outputs[name].shape == array.shape
                told = mask if name in PER_TOKEN else slice(None)
                np.testing.assert_allclose(outputs[name][told], array[told], atol=1e-5)
        buffers = backend._by_its_thread(backend._buffers)
        assert set(buffers._captured) == {(1, 16), (4, 16), (4, 32)}
        assert [shape[0] for shape in buffers._recent] == [9]


def test_each_captured_shape_has_a_graph_of_its_own(reference: OnnxRuntimeCpu, ragged: Ragged) -> None:
    """The first run of a shape is an ordinary one, which allocates its outputs; 0 is ONNX Runtime's own."""
    buffers = DeviceBuffers(
        reference._session, reference.outputs, per_token=PER_TOKEN, device="cpu", graphs=[(1, 32), (4, 32)]
    )

    def number_of_next_run(rows: list[int]) -> str:
        bound = buffers.of(pad(ragged, rows, length=24))
        options = bound._first if bound._outputs is None else bound._later
        return str(options.get_run_config_entry("gpu_graph_id"))

    assert [number_of_next_run(rows) for rows in ([0], [0, 1], [0] * 5)] == ["-1"] * 3
    for rows in ([0], [0, 1], [0] * 5):
        buffers.infer(pad(ragged, rows, length=24))
    assert [number_of_next_run(rows) for rows in ([1], [1, 2, 3], [1] * 5)] == ["1", "2", "-1"]


@pytest.mark.parametrize(
    ("wanted", "found"), [((1, 5), (1, 16)), ((2, 16), (4, 16)), ((1, 17), (4, 32)), ((5, 5), None), ((1, 33), None)]
)
def test_the_smallest_shape_that_holds_a_batch(wanted: tuple[int, int], found: tuple[int, int] | None) -> None:
    assert smallest({(4, 32): 1, (1, 16): 2, (4, 16): 3}, wanted) == found


@pytest.mark.parametrize("graphs", [[], GRAPHS])
def test_one_session_serves_threads_at_once(
    open_bound: Open, reference: OnnxRuntimeCpu, ragged: Ragged, graphs: list[list[int]]
) -> None:
    expected = infer_all(reference, ragged, token_budget=64, per_token=PER_TOKEN)
    with side_by_side(lambda: open_bound(cuda_graphs=graphs), 3) as openings:
        (backend,) = set(openings.backends)
        outputs = infer_all(backend, ragged, token_budget=64, per_token=PER_TOKEN, workers=openings)
    for name, rows in expected.items():
        for row, other in zip(rows, outputs[name], strict=True):
            np.testing.assert_allclose(other, row, atol=1e-5 if graphs else 0)


@pytest.mark.parametrize("graphs", [[], GRAPHS])
def test_threads_share_no_buffers_but_with_graphs_one_thread_does_all(
    open_bound: Open, graphs: list[list[int]]
) -> None:
    with open_bound(cuda_graphs=graphs) as backend:

        def seen() -> tuple[threading.Thread, DeviceBuffers]:
            return backend._by_its_thread(lambda: (threading.current_thread(), backend._buffers()))

        found = [seen()]
        other = threading.Thread(target=lambda: found.append(seen()))
        other.start()
        other.join()
        assert found[0] == seen()
        assert (found[1] == found[0]) == bool(graphs)
        assert (found[0][0] is threading.current_thread()) == (not graphs)
    assert not any(thread.name.startswith("cuda-graphs") for thread in threading.enumerate())


def test_outputs_are_the_callers_own(open_bound: Open, ragged: Ragged) -> None:
    """All shapes take turns with one block of memory on the host."""
    with open_bound() as backend:
        for _ in range(2):  # outputs come another way from the second inference of a shape on
            first = backend.infer(pad(ragged, [0, 1], length=24))
            before = {name: array.copy() for name, array in first.items()}
            backend.infer(pad(ragged, [2, 3], length=24))
            backend.infer(pad(ragged, [4, 5, 6], length=24))
            assert_same(first, before)


def test_transfers_are_timed_in_the_buffers_of_inference(open_bound: Open, ragged: Ragged) -> None:
    with open_bound(cuda_graphs=GRAPHS) as backend:
        times = backend.device_times(pad(ragged, [0, 1, 2]))
    assert times is not None and set(times) == {"host_to_device", "compute", "device_to_host"}
    assert times["compute"] > 0


def test_graphs_are_asked_of_the_provider_and_the_studys_options_go_first(tmp_path: Path) -> None:
    def options(**given: Any) -> dict[str, str]:
        backend = OnnxRuntimeCuda(tmp_path, format="onnx-fp32", task="question-answering", options=given)
        return backend._providers()[0][1]

    assert options()["enable_cuda_graph"] == "0"
    assert options(cuda_graphs=[[1, 128]])["enable_cuda_graph"] == "1"
    assert options(provider={"use_tf32": True})["use_tf32"] == "1"


def test_packed_tokens_cannot_be_captured(tmp_path: Path) -> None:
    backend = CudaOnCpu(tmp_path, format="onnx-packed", task="question-answering", options={"cuda_graphs": [[1, 128]]})
    with pytest.raises(BackendError, match="which no CUDA graph captures: use onnx-fused"):
        backend.open()


@pytest.mark.parametrize("graphs", [[[1]], [[1, 2, 3]], [[0, 128]], [["one", 128]], True])
def test_shapes_that_are_none(graphs: Any) -> None:
    with pytest.raises(BackendError, match="onnxruntime-cuda: option cuda_graphs"):
        OnnxRuntimeCuda.check_options({"cuda_graphs": graphs})
    with pytest.raises(BackendError, match="onnxruntime-tensorrt has no option 'cuda_graphs'"):
        OnnxRuntimeTensorrt.check_options({"cuda_graphs": graphs})
