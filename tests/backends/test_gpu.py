"""What can only be tried with an NVIDIA GPU: `make gpu-check`. See docs/gpu-status.md."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.backend import Backend
from backends.batching import infer_all, pad
from backends.concurrent_sessions import side_by_side
from backends.host import nvidia
from backends.host.machine import environment
from backends.host.system_monitor import SystemMonitor
from backends.onnxruntime.cuda import OnnxRuntimeCuda
from backends.registry import availability, open_backend
from backends.tensorrt.backend import TensorRt
from backends.torch import TorchCuda
from exporters.artifact import export
from exporters.formats import FORMATS
from exporters.onnx import fp16 as onnx_fp16
from exporters.onnx import fused as onnx_fused
from exporters.onnx import packed as onnx_packed
from exporters.quantization import modelopt as onnx_modelopt
from exporters.tensorrt import engine as tensorrt_engine
from tests.gpu import models
from tests.gpu.fresh_process import device_memory
from tests.gpu.trtexec import command, median_milliseconds

pytestmark = pytest.mark.gpu

Ragged = dict[str, list[NDArray[np.int64]]]
PER_TOKEN = frozenset({"start_logits", "end_logits"})
PROVIDERS = {
    "onnxruntime-cuda": "CUDAExecutionProvider",
    "onnxruntime-tensorrt": "TensorrtExecutionProvider",
    "torch-cuda": "cuda",
    "torch-cuda-compiled": "cuda",
}


@pytest.fixture(params=sorted(PROVIDERS))
def backend_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    found = availability(name)
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    return name


def artifact_of(name: str, checkpoint: Path, onnx_artifact: Path) -> tuple[Path, str]:
    return (checkpoint, "torch-fp32") if name.startswith("torch") else (onnx_artifact, "onnx-fp32")


def test_devices_are_described() -> None:
    gpu = environment()["gpu"]
    assert gpu["driver"]
    assert gpu["devices"][0]["name"]
    assert gpu["devices"][0]["memory_bytes"] > 2**30


def test_agrees_with_the_cpu(
    backend_name: str, task: str, checkpoint: Path, onnx_artifact: Path, ragged: Ragged
) -> None:
    artifact, format = artifact_of(backend_name, checkpoint, onnx_artifact)
    cpu = "torch-cpu" if backend_name.startswith("torch") else "onnxruntime-cpu"
    with open_backend(cpu, artifact, format=format, task=task, threads=1) as reference:
        expected = infer_all(reference, ragged, token_budget=128, per_token=PER_TOKEN)
    with open_backend(backend_name, artifact, format=format, task=task) as backend:
        outputs = infer_all(backend, ragged, token_budget=128, per_token=PER_TOKEN)
    # TensorFloat-32 would show as errors of 1e-3; TensorRT allows it in FP32 graphs.
    tolerance = 5e-3 if backend_name == "onnxruntime-tensorrt" else 1e-4
    for name, rows in expected.items():
        for row, other in zip(rows, outputs[name], strict=True):
            np.testing.assert_allclose(other, row, atol=tolerance)


def test_runs_on_the_device_and_counts_what_does_not(
    backend_name: str, task: str, checkpoint: Path, onnx_artifact: Path
) -> None:
    artifact, format = artifact_of(backend_name, checkpoint, onnx_artifact)
    with open_backend(backend_name, artifact, format=format, task=task) as backend:
        description = backend.describe()
    assert description["provider"] == PROVIDERS[backend_name]
    if description["nodes"] is not None:
        assert description["nodes"][PROVIDERS[backend_name]] > 0
        assert "MatMul" not in description["left_to_cpu"]


def test_device_memory_grows_with_the_model(
    backend_name: str, task: str, checkpoint: Path, onnx_artifact: Path, ragged: Ragged
) -> None:
    """In a process of its own: here the allocators have taken what they need already, and NVML sees no change."""
    artifact, format = artifact_of(backend_name, checkpoint, onnx_artifact)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        used = process.submit(device_memory, backend_name, artifact, format, task, pad(ragged, range(8))).result()
    assert used.device is not None
    assert used.process is None or used.process > 0


def test_a_tensorrt_engine_is_built_and_answers_like_its_onnx_file(
    task: str, onnx_artifact: Path, tmp_path: Path, ragged: Ragged
) -> None:
    if not availability("tensorrt").available:
        pytest.skip(availability("tensorrt").reason)
    (onnx_artifact / "tokenizer.json").touch()
    with open_backend("onnxruntime-cpu", onnx_artifact, format="onnx-fp32", task=task, threads=1) as reference:
        expected = infer_all(reference, ragged, token_budget=128, per_token=PER_TOKEN)
        recorded = tensorrt_engine.write(onnx_artifact, tmp_path, inputs=reference.inputs, longest=64)
    assert recorded["found"]["tensorrt"]
    with open_backend("tensorrt", tmp_path, format="tensorrt-fp32", task=task) as backend:
        outputs = infer_all(backend, ragged, token_budget=512, per_token=PER_TOKEN)
        assert set(backend.matmuls() or {}) == {"fp32"}
        assert len(backend.describe()["engine_sha256"]) == 64
        times = backend.device_times(pad(ragged, [0, 1, 2]))
        assert times is not None and min(times.values()) > 0
    for name, rows in expected.items():
        for row, other in zip(rows, outputs[name], strict=True):
            np.testing.assert_allclose(other, row, atol=1e-4)


def test_the_runner_is_as_fast_as_trtexec(tmp_path: Path) -> None:
    """Compute alone, by CUDA graphs on both sides, of a batch that takes milliseconds: within 5 %."""
    found = availability("tensorrt")
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    if shutil.which("trtexec") is None:
        pytest.skip("trtexec is not on the PATH: it comes with TensorRT's archive and packages, not with its wheels")
    source = tmp_path / "checkpoint"
    models.make_checkpoint(source, *models.SIZES["small"])
    for format in ("onnx-fp32", "tensorrt-fp32"):
        (tmp_path / format).mkdir()
        export(format, source, tmp_path / format, task=models.TASK, pooling="cls")
        source = tmp_path / format
    with open_backend("tensorrt", source, format="tensorrt-fp32", task=models.TASK) as backend:
        assert isinstance(backend, TensorRt)
        feeds = models.batch(128, 128)
        (part,) = backend._parts(feeds)
        times = backend.device_times(feeds)
        arguments = command(source / "model.engine", backend.inputs, part.shape, profile=part.profile)
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert times is not None
    assert times["compute"] == pytest.approx(median_milliseconds(done.stdout), rel=0.05)


def test_an_fp8_engine_multiplies_in_fp8_and_answers_like_its_onnx_file(
    task: str, onnx_artifact: Path, tmp_path: Path, ragged: Ragged
) -> None:
    if (reason := FORMATS["onnx-fp8"].missing() or tensorrt_engine.without_fp8()) is not None:
        pytest.skip(reason)
    if not availability("tensorrt").available:
        pytest.skip(availability("tensorrt").reason)
    (onnx_artifact / "tokenizer.json").touch()
    for name in ("fp8", "half", "engine"):
        (tmp_path / name).mkdir()
    onnx_modelopt.write(onnx_artifact, tmp_path / "fp8", [pad(ragged, range(8))], mode="fp8")
    onnx_fp16.write(tmp_path / "fp8", tmp_path / "half")
    with open_backend("onnxruntime-cpu", tmp_path / "half", format="onnx-fp8", task=task, threads=1) as reference:
        expected = infer_all(reference, ragged, token_budget=128, per_token=PER_TOKEN)
        tensorrt_engine.write(tmp_path / "half", tmp_path / "engine", inputs=reference.inputs, longest=64)
    with open_backend("tensorrt", tmp_path / "engine", format="tensorrt-fp8", task=task) as backend:
        outputs = infer_all(backend, ragged, token_budget=512, per_token=PER_TOKEN)
        assert "fp8" in (backend.matmuls() or {})
    for name, known in expected.items():
        spread = np.concatenate([row.ravel() for row in known]).std()
        for row, other in zip(known, outputs[name], strict=True):
            assert np.sqrt(((other - row) ** 2).mean()) < 0.3 * spread


@pytest.mark.parametrize("half", [False, True])
def test_onnxruntime_keeps_the_engine_that_it_built(
    half: bool, task: str, onnx_artifact: Path, tmp_path: Path, ragged: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = availability("onnxruntime-tensorrt")
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    (onnx_artifact / "tokenizer.json").touch()
    if half:
        onnx_fp16.write(onnx_artifact, artifact)
    else:
        shutil.copyfile(onnx_artifact / "model.onnx", artifact / "model.onnx")
    (artifact / "manifest.json").write_text(json.dumps({"max_positions": 64, "files": {"model.onnx": str(half)}}))
    engines, outputs = [], []
    for _ in range(2):
        with open_backend(
            "onnxruntime-tensorrt", artifact, format="onnx-fp16" if half else "onnx-fp32", task=task
        ) as backend:
            engines.append(backend.describe()["engines_sha256"])
            outputs.append(infer_all(backend, ragged, token_budget=512, per_token=PER_TOKEN))
    assert engines[0] and engines[0] == engines[1]
    for name, rows in outputs[0].items():
        for row, other in zip(rows, outputs[1][name], strict=True):
            np.testing.assert_array_equal(other, row)


def test_cuda_numbers_devices_as_nvml_does() -> None:
    torch = pytest.importorskip("torch")
    if not availability("torch-cuda").available:
        pytest.skip(availability("torch-cuda").reason)
    with nvidia.nvml() as library:
        name = library.nvmlDeviceGetName(nvidia.first_device(library))
    assert torch.cuda.get_device_name(0) == name


def test_copies_and_compute_are_timed_apart(
    backend_name: str, task: str, checkpoint: Path, onnx_artifact: Path, ragged: Ragged
) -> None:
    artifact, format = artifact_of(backend_name, checkpoint, onnx_artifact)
    with open_backend(backend_name, artifact, format=format, task=task) as backend:
        times = backend.device_times(pad(ragged, [0, 1, 2]))
    assert times is not None and set(times) == {"host_to_device", "compute", "device_to_host"}
    assert min(times.values()) > 0


def cuda(artifact: Path, task: str, *, format: str = "onnx-fp32", **options: object) -> Backend:
    found = availability("onnxruntime-cuda")
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    return open_backend("onnxruntime-cuda", artifact, format=format, task=task, options=options)


def assert_agree(outputs: dict[str, list[NDArray[np.float32]]], expected: dict[str, list[NDArray[np.float32]]]) -> None:
    for name, rows in expected.items():
        for row, other in zip(rows, outputs[name], strict=True):
            np.testing.assert_allclose(other, row, atol=1e-4)


def test_bound_buffers_stay_on_the_device(task: str, onnx_artifact: Path, ragged: Ragged) -> None:
    with cuda(onnx_artifact, task) as backend:
        assert isinstance(backend, OnnxRuntimeCuda)
        bound = backend._buffers().of(pad(ragged, [0, 1], length=24))
        for rows in ([0, 1], [2, 3], [4, 5]):
            backend.infer(pad(ragged, rows, length=24))
        values = [bound._inputs._value, *bound._binding.get_outputs()]
        assert {value.device_name() for value in values} == {"cuda"}


def test_captured_graphs_answer_like_ordinary_runs(task: str, onnx_artifact: Path, ragged: Ragged) -> None:
    """Three passes: the first allocates, the second captures, the third replays; one shape is too small for some."""
    singles = [[row] for row in range(len(ragged["input_ids"]))]
    with cuda(onnx_artifact, task) as backend:
        expected = [backend.infer(pad(ragged, rows)) for rows in (*singles, [0, 1, 2])]
    with cuda(onnx_artifact, task, cuda_graphs=[[1, 16], [4, 32]]) as backend:
        assert set(backend.matmuls() or {}) == {"fp32"}
        for _ in range(3):
            for rows, known in zip((*singles, [0, 1, 2]), expected, strict=True):
                feeds = pad(ragged, rows)
                mask = feeds["attention_mask"].astype(bool)
                for name, array in backend.infer(feeds).items():
                    told = mask if name in PER_TOKEN else slice(None)
                    np.testing.assert_allclose(array[told], known[name][told], atol=1e-4)


@pytest.mark.parametrize("graphs", [[], [[1, 16], [4, 32]]])
def test_threads_share_one_session(task: str, onnx_artifact: Path, ragged: Ragged, graphs: list[list[int]]) -> None:
    with side_by_side(lambda: cuda(onnx_artifact, task, cuda_graphs=graphs), 3) as openings:
        (backend,) = set(openings.backends)
        expected = infer_all(backend, ragged, token_budget=64, per_token=PER_TOKEN)
        outputs = infer_all(backend, ragged, token_budget=64, per_token=PER_TOKEN, workers=openings)
    assert_agree(outputs, expected)


def test_packed_attention_answers_like_the_fused_graph(
    task: str, onnx_artifact: Path, tmp_path: Path, ragged: Ragged
) -> None:
    (onnx_artifact / "tokenizer.json").touch()
    for name in ("fused", "packed"):
        (tmp_path / name).mkdir()
    onnx_fused.write(onnx_artifact, tmp_path / "fused", layers=2, hidden=32)
    onnx_packed.write(tmp_path / "fused", tmp_path / "packed", layers=2)
    with cuda(tmp_path / "fused", task, format="onnx-fused") as backend:
        expected = infer_all(backend, ragged, token_budget=512, per_token=PER_TOKEN)
    with cuda(tmp_path / "packed", task, format="onnx-packed") as backend:
        outputs = infer_all(backend, ragged, token_budget=512, per_token=PER_TOKEN, shuffle_seed=1)
    assert_agree(outputs, expected)


def test_openings_of_torch_have_streams_of_their_own(checkpoint: Path, task: str, ragged: Ragged) -> None:
    if not availability("torch-cuda").available:
        pytest.skip(availability("torch-cuda").reason)
    with side_by_side(lambda: open_backend("torch-cuda", checkpoint, format="torch-fp32", task=task), 2) as workers:
        one, other = workers.backends
        assert isinstance(one, TorchCuda) and isinstance(other, TorchCuda)
        assert one._stream != other._stream
        expected = infer_all(one, ragged, token_budget=64, per_token=PER_TOKEN)
        assert_agree(infer_all(one, ragged, token_budget=64, per_token=PER_TOKEN, workers=workers), expected)


def test_energy_and_other_processes_are_told() -> None:
    monitor = SystemMonitor()
    seen = monitor.stop()
    assert seen["gpu_processes"] is not None
    joules = seen["energy_joules"]["gpu"]
    assert joules is None or joules >= 0  # before Volta there is no counter
