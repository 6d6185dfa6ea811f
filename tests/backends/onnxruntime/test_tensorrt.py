"""What the TensorRT provider is told, up to its call; and batches in parts, run for real on the CPU."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from backends.batching import pad
from backends.errors import BackendError
from backends.host import nvidia
from backends.onnxruntime import tensorrt_options
from backends.onnxruntime.cpu import CPU, OnnxRuntimeCpu
from backends.onnxruntime.tensorrt import TENSORRT, OnnxRuntimeTensorrt
from backends.onnxruntime.tensorrt_options import (
    cache_options,
    element_types,
    largest_batch,
    needed_tensorrt,
    precision_flags,
    profile,
)
from tests.standin import needs_standin, on_standin

TASK = "text-classification"
MANIFEST = {"max_positions": 256, "files": {"model.onnx": {"sha256": "a1", "bytes": 1}}}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An H100 with TensorRT 10 and 11, of which the provider needs 10; the folder of the caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(nvidia, "ask_first_device", lambda ask: ["NVIDIA H100", 9, 0])
    monkeypatch.setattr(nvidia, "tensorrt_version", {10: "10.13.2", 11: "11.4.1"}.get)
    monkeypatch.setattr(tensorrt_options, "needed_tensorrt", lambda: 10)
    monkeypatch.setenv(tensorrt_options.TF32, "0")
    return tmp_path / "cache" / "scalemodel" / "onnxruntime-tensorrt"


@pytest.mark.parametrize(
    ("types", "version", "flags"),
    [
        ({"FLOAT", "INT64"}, "10.13.2", set()),
        ({"FLOAT", "FLOAT16"}, "10.13.2", {"trt_fp16_enable"}),
        ({"FLOAT", "BFLOAT16"}, "10.13.2", {"trt_bf16_enable"}),
        ({"FLOAT", "INT8"}, "10.13.2", {"trt_int8_enable"}),
        ({"FLOAT16", "INT8"}, None, {"trt_int8_enable", "trt_fp16_enable"}),
        ({"FLOAT16", "INT8"}, "11.4.1", set()),
    ],
)
def test_precision_is_that_of_the_graph(types: set[str], version: str | None, flags: set[str]) -> None:
    assert precision_flags(types, version) == dict.fromkeys(flags, "1")


def test_fp8_needs_tensorrt_11() -> None:
    assert precision_flags({"FLOAT", "FLOAT8E4M3FN"}, "11.4.1") == {}
    with pytest.raises(BackendError, match=r"TensorRT 10\.13\.2 has to be allowed FP8.*tensorrt-fp8"):
        precision_flags({"FLOAT", "FLOAT8E4M3FN"}, "10.13.2")


def test_types_are_those_of_weights_and_casts() -> None:
    weight = numpy_helper.from_array(np.zeros(2, np.int8), "zero point")
    cast = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)
    assert element_types(helper.make_graph([cast], "g", [], [], [weight])) == {"INT8", "BFLOAT16"}


def test_the_largest_batch_is_of_the_models_longest_inputs() -> None:
    assert largest_batch({}) == (256, 512)
    assert largest_batch({"max_positions": None}) == (256, 512)
    assert largest_batch(MANIFEST) == (512, 256)
    assert largest_batch({"max_positions": 1_000_000}) == (1, 1_000_000)
    assert profile(["a", "b"], (512, 64)) == {
        "trt_profile_min_shapes": "a:1x1,b:1x1",
        "trt_profile_opt_shapes": "a:8x64,b:8x64",
        "trt_profile_max_shapes": "a:512x64,b:512x64",
    }


def test_an_engine_is_kept_by_artifact_options_version_and_gpu(monkeypatch: pytest.MonkeyPatch, machine: Path) -> None:
    def folders(manifest: Any = MANIFEST, options: Any = None, version: str | None = "10.13.2") -> tuple[str, str]:
        found = cache_options(manifest, options or {}, version)
        assert found["trt_engine_cache_enable"] == found["trt_timing_cache_enable"] == "1"
        assert Path(found["trt_engine_cache_path"]).is_dir()
        assert machine in Path(found["trt_timing_cache_path"]).parents
        return found["trt_engine_cache_path"], found["trt_timing_cache_path"]

    first = folders()
    assert folders() == first
    retrained = {**MANIFEST, "files": {"model.onnx": {"sha256": "b2", "bytes": 1}}}
    others = [folders(retrained), folders(options={"trt_fp16_enable": "1"}), folders(version="10.14.0")]
    assert len({first[0], *(engine for engine, _ in others)}) == 4
    assert len({first[1], *(timings for _, timings in others)}) == 2
    monkeypatch.setattr(nvidia, "ask_first_device", lambda ask: ["NVIDIA L4", 8, 9])
    assert folders()[0] != first[0] and folders()[1] != first[1]
    assert cache_options({}, {}, "10.13.2") == cache_options(MANIFEST, {}, None) == {}
    monkeypatch.setattr(nvidia, "ask_first_device", lambda ask: None)
    assert cache_options(MANIFEST, {}, "10.13.2") == {}


class OnCpu(OnnxRuntimeTensorrt):
    """All of the backend but its provider and its device."""

    provider = CPU
    device = "cpu"

    def _prepare(self) -> None:
        self._session = None

    def _providers(self) -> list[tuple[str, dict[str, str]]]:
        self.told = super()._providers()
        return [(CPU, {})]


def with_manifest(artifact: Path, folder: Path, **more: Any) -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes((artifact / "model.onnx").read_bytes())
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST, "max_positions": 24, **more}))
    return folder


def test_large_batches_run_in_parts(
    onnx_artifact: Path, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ragged: dict[str, Any]
) -> None:
    monkeypatch.setattr(tensorrt_options, "TOKENS", 24 * 3)
    feeds = pad(ragged, range(8), length=24)
    with OnnxRuntimeCpu(onnx_artifact, format="onnx-fp32", task=task, threads=1) as reference:
        expected = reference.infer(feeds)
    with OnCpu(with_manifest(onnx_artifact, tmp_path / "a"), format="onnx-fp32", task=task, threads=1) as backend:
        outputs = backend.infer(feeds)
        alone = backend.infer(pad(ragged, [0], length=24))
        times = backend.device_times(feeds)
        with pytest.raises(BackendError, match=r"25 tokens are more than the engine takes \(24\)"):
            backend.infer(pad(ragged, [0], length=25))
    for name, array in expected.items():
        np.testing.assert_allclose(outputs[name], array, atol=1e-5)
        np.testing.assert_allclose(alone[name], array[:1], atol=1e-5)
    assert times is not None and set(times) == {"host_to_device", "compute", "device_to_host"}


def test_the_provider_is_told_and_the_kept_engine_is_described(onnx_artifact: Path, task: str, tmp_path: Path) -> None:
    folder = with_manifest(onnx_artifact, tmp_path / "a")
    options = {"provider": {"trt_sparsity_enable": False, "trt_builder_optimization_level": 5}}
    with OnCpu(folder, format="onnx-fp32", task=task, threads=1, options=options) as backend:
        (name, told), (second, _) = backend.told
        assert backend.describe()["engines_sha256"] == {}
        engine = Path(told["trt_engine_cache_path"]) / "graph_sm90.engine"
        engine.write_bytes(b"ftrt")
        described = backend.describe()
    assert (name, second) == (TENSORRT, "CUDAExecutionProvider")
    assert (told["trt_sparsity_enable"], told["trt_builder_optimization_level"]) == ("0", "5")
    assert told["trt_profile_max_shapes"] == ",".join(
        f"{name}:5461x24" for name in ("input_ids", "attention_mask", "token_type_ids")
    )
    assert "trt_fp16_enable" not in told
    assert list(described["engines_sha256"]) == ["graph_sm90.engine"]
    assert described["precision_hint"] == "FP32 (TF32 off)"
    assert described["versions"]["TensorRT"] == "10.13.2"


@pytest.mark.parametrize(("message", "openings"), [("could not deserialize engine from cache: x", 2), ("no memory", 1)])
def test_a_half_written_engine_is_built_again(
    message: str, openings: int, onnx_artifact: Path, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_manifest(onnx_artifact, tmp_path / "a")
    opened: list[list[str]] = []

    class Spoilt(OnCpu):
        def _kept(self) -> list[str]:
            return [path.name for path in tensorrt_options.kept_engines(self._provider_options)]

        def _load(self) -> None:
            self._provider_options = self._tensorrt_options()
            (Path(self._provider_options["trt_engine_cache_path"]) / "half.engine").write_bytes(b"ft")
            super()._load()

    def open_session(self: Any, path: Path, options: Any) -> Any:
        opened.append(self._kept())
        if self._kept():
            raise RuntimeError(message)
        return onnxruntime_session(self, path, options)

    from backends.onnxruntime.cpu import OnnxRuntime

    onnxruntime_session = OnnxRuntime._open_session
    monkeypatch.setattr("backends.onnxruntime.cuda.OnnxRuntimeGpu._open_session", open_session)
    backend = Spoilt(folder, format="onnx-fp32", task=task, threads=1)
    if openings == 2:
        with backend:
            pass
        assert opened == [["half.engine"], []]
    else:
        with pytest.raises(BackendError, match=message):
            backend.open()
        assert opened == [["half.engine"]]


def test_a_folder_without_a_manifest_keeps_no_engine(onnx_artifact: Path, task: str, machine: Path) -> None:
    with OnCpu(onnx_artifact, format="onnx-fp32", task=task, threads=1) as backend:
        assert not {name for name in backend.told[0][1] if "cache" in name}
        assert backend.describe()["engines_sha256"] == {}
    assert not machine.exists()


def test_half_precision_is_seen_in_the_file(tmp_path: Path) -> None:
    weight: NDArray[Any] = np.ones(1, np.float16)
    shape = ["batch", "sequence"]
    names = ("input_ids", "attention_mask")
    graph = helper.make_graph(
        [
            helper.make_node("Add", list(names), ["sum"]),
            helper.make_node("Cast", ["sum"], ["half"], to=TensorProto.FLOAT16),
            helper.make_node("Mul", ["half", "one"], ["product"]),
            *(
                helper.make_node("Cast", ["product"], [name], to=TensorProto.FLOAT)
                for name in ("logits", "representation")
            ),
        ],
        "half",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in names],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("logits", "representation")],
        [numpy_helper.from_array(weight, "one")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx"
    )
    with OnCpu(tmp_path, format="onnx-prebuilt", task=TASK, threads=1) as backend:
        assert backend.told[0][1]["trt_fp16_enable"] == "1"
        hint = backend.describe()["precision_hint"]
    assert hint == "weakly typed: TensorRT chooses among FP32 (TF32 off), FLOAT16"


@needs_standin
def test_the_wheels_own_provider_needs_tensorrt_10() -> None:
    code = "from backends.onnxruntime.tensorrt import OnnxRuntimeTensorrt as found; print(found.availability())"
    assert "needs TensorRT 10 (libnvinfer.so.10), the loader finds none" in on_standin("-c", code).stdout


def test_the_provider_itself_says_which_tensorrt_it_needs(tmp_path: Path) -> None:
    library = tmp_path / "capi" / "libonnxruntime_providers_tensorrt.so"
    library.parent.mkdir()
    assert needed_tensorrt(tmp_path) is None
    library.touch()
    assert needed_tensorrt(tmp_path) is None
    library.write_bytes(b"\x7fELF libnvinfer.so.9 \0libcudart.so.13\0libnvinfer.so.10\0libnvonnxparser.so.10\0")
    assert needed_tensorrt(tmp_path) == 10


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc, which makes libraries of TensorRT's names")
@pytest.mark.parametrize(("there", "reason"), [([11], "needs TensorRT 10 .*finds TensorRT 11.4.1"), ([10, 11], None)])
def test_of_two_versions_the_provider_gets_its_own(there: list[int], reason: str | None, tmp_path: Path) -> None:
    """In a process of its own, as a library once loaded stays."""
    for major, number in {10: 101302, 11: 110401}.items():
        if major in there:
            source = tmp_path / f"{major}.c"
            source.write_text(f"int getInferLibVersion(void) {{ return {number}; }}")
            library = tmp_path / f"libnvinfer.so.{major}"
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    code = (
        "from backends.onnxruntime import tensorrt, tensorrt_options\n"
        "from backends.host import nvidia\n"
        "tensorrt_options.needed_tensorrt = lambda: 10\n"
        "print(nvidia.libraries()['TensorRT 10'], nvidia.libraries()['TensorRT 11'])\n"
        "print(tensorrt.OnnxRuntimeTensorrt._library_missing())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    versions, missing = done.stdout.splitlines()
    assert versions == f"{'10.13.2' if 10 in there else None} 11.4.1"
    if reason is None:
        assert missing == "None"
    else:
        assert re.search(reason, missing) and "tensorrt-cu13==10.*" in missing


def test_float32_means_float32(monkeypatch: pytest.MonkeyPatch, onnx_artifact: Path, task: str) -> None:
    """TF32 is off before CUDA's libraries are loaded, unless the user says otherwise."""
    seen = []

    class Prepared(OnnxRuntimeTensorrt):
        @classmethod
        def _missing(cls) -> tuple[str, str]:
            seen.append(os.environ.get(tensorrt_options.TF32))
            return "nothing here", "stop"

    for given in (None, "1"):
        monkeypatch.delenv(tensorrt_options.TF32)
        if given is not None:
            monkeypatch.setenv(tensorrt_options.TF32, given)
        with pytest.raises(BackendError, match="nothing here"):
            Prepared(onnx_artifact, format="onnx-fp32", task=task).open()
    assert seen == ["0", "1"]
