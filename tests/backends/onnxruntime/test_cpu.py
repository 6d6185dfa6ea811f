"""ONNX Runtime: files that will not do, what is described, and how lightly a process starts."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from backends.errors import BackendError, OutOfMemory, from_runtime
from backends.onnxruntime.cpu import OnnxRuntimeCpu
from backends.onnxruntime.cuda import OnnxRuntimeCuda, computing
from backends.onnxruntime.tensorrt import OnnxRuntimeTensorrt
from backends.openvino import OpenVinoCpu
from backends.registry import open_backend
from tests.standin import STANDIN, needs_standin, on_standin

TASK = "text-classification"
FREE = ("batch", "sequence")


def graph(
    folder: Path,
    *,
    inputs: tuple[str, ...] = ("input_ids", "attention_mask"),
    outputs: tuple[str, ...] = ("logits", "representation"),
    kind: int = TensorProto.INT64,
    shape: tuple[str | int, ...] = FREE,
    output_kind: int = TensorProto.FLOAT,
) -> Path:
    """An artifact whose every output is the sum of its inputs."""
    nodes = [helper.make_node("Add", [inputs[0], inputs[-1]], ["sum"])]
    nodes += [helper.make_node("Cast", ["sum"], [name], to=output_kind) for name in outputs]
    extra = [helper.make_node("Identity", [name], [f"{name}_used"]) for name in inputs[1:-1]]
    model = helper.make_model(
        helper.make_graph(
            nodes + extra,
            "sum",
            [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
            [helper.make_tensor_value_info(name, output_kind, shape) for name in outputs],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    return folder


@pytest.fixture(params=["onnxruntime-cpu", "openvino-cpu"])
def reader(request: pytest.FixtureRequest) -> str:
    if request.param == "openvino-cpu" and not OpenVinoCpu.availability().available:
        pytest.skip("no openvino")
    name: str = request.param
    return name


def one_line_error(reader: str, folder: Path) -> str:
    with pytest.raises(BackendError) as caught:
        open_backend(reader, folder, format="onnx-fp32", task=TASK, threads=1)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_files_that_are_no_model(reader: str, tmp_path: Path, onnx_artifact: Path) -> None:
    assert "no model.onnx" in one_line_error(reader, tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"")
    assert "is empty" in one_line_error(reader, tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"once upon a time " * 20)
    assert "export it again" in one_line_error(reader, tmp_path)
    whole = (onnx_artifact / "model.onnx").read_bytes()
    for share in (0.01, 0.5, 0.99):
        (tmp_path / "model.onnx").write_bytes(whole[: int(len(whole) * share)])
        assert "export it again" in one_line_error(reader, tmp_path)


def test_lost_external_weights(reader: str, tmp_path: Path, onnx_artifact: Path) -> None:
    model = onnx.load(onnx_artifact / "model.onnx")
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="model.onnx.data")
    weights = tmp_path / "model.onnx.data"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "export it again" in one_line_error(reader, tmp_path)
    weights.unlink()
    assert "export it again" in one_line_error(reader, tmp_path)


def test_graphs_of_other_shape(reader: str, tmp_path: Path) -> None:
    assert "no input 'attention_mask' (it has: input_ids)" in one_line_error(
        reader, graph(tmp_path / "a", inputs=("input_ids",))
    )
    assert "needs the input 'position_ids'" in one_line_error(
        reader, graph(tmp_path / "b", inputs=("input_ids", "attention_mask", "position_ids"))
    )
    assert "is int32; it must be int64" in one_line_error(reader, graph(tmp_path / "c", kind=TensorProto.INT32))
    assert "has the shape 1 x 128" in one_line_error(reader, graph(tmp_path / "d", shape=(1, 128)))
    assert "no output 'representation' (it has: logits)" in one_line_error(
        reader, graph(tmp_path / "e", outputs=("logits",))
    )


def test_feeds_are_picked_and_halves_widened(reader: str, tmp_path: Path) -> None:
    folder = graph(tmp_path, output_kind=TensorProto.FLOAT16)
    tokens = np.array([[3, 4, 5]])
    with open_backend(reader, folder, format="onnx-fp16", task=TASK, threads=1) as backend:
        assert backend.inputs == ("input_ids", "attention_mask")
        outputs = backend.infer({"token_type_ids": tokens, "attention_mask": np.ones_like(tokens), "input_ids": tokens})
    assert outputs["logits"].dtype == np.float32
    np.testing.assert_array_equal(outputs["logits"], [[4, 5, 6]])


def test_token_outside_the_vocabulary(onnx_artifact: Path, task: str, capfd: pytest.CaptureFixture[str]) -> None:
    tokens = np.full((1, 4), 5000)
    with (
        open_backend("onnxruntime-cpu", onnx_artifact, format="onnx-fp32", task=task) as backend,
        pytest.raises(BackendError, match=r"inference failed on .* out of data bounds") as caught,
    ):
        backend.infer(dict.fromkeys(backend.inputs, tokens))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_description_counts_nodes_and_kernels(onnx_artifact: Path, task: str) -> None:
    with OnnxRuntimeCpu(onnx_artifact, format="onnx-fp32", task=task, threads=1) as backend:
        description, kernels = backend.describe(), backend.kernels()
    assert description["provider"] == "CPUExecutionProvider"
    if description["nodes"] is not None:
        assert description["nodes"]["CPUExecutionProvider"] > 20
    assert kernels["CPUExecutionProvider"]["BiasGelu"] == 2  # one a layer, made by fusion
    assert "Erf" not in kernels["CPUExecutionProvider"]


def test_without_the_fusion_of_sums_and_norms(onnx_artifact: Path, task: str, tmp_path: Path) -> None:
    """As `OnnxRuntimeCpuOptions` allows; ONNX Runtime would ignore an optimiser's name that it does not know."""
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(onnx_artifact / "model.onnx", tmp_path / "model.onnx")
    outputs, kernels = {}, {}
    for fused in (True, False):
        options = {"skip_layer_norm_fusion": fused}
        with OnnxRuntimeCpu(tmp_path, format="onnx-int8-dynamic", task=task, threads=1, options=options) as backend:
            tokens = np.arange(12).reshape(2, 6)
            outputs[fused] = backend.infer({**dict.fromkeys(backend.inputs, np.ones_like(tokens)), "input_ids": tokens})
            kernels[fused] = backend.kernels()["CPUExecutionProvider"]
    fused_once = kernels[True]["SkipLayerNormalization"]
    assert fused_once >= 2 and "SkipLayerNormalization" not in kernels[False]
    before = kernels[True].get("LayerNormalization", 0)
    assert kernels[False]["LayerNormalization"] == before + fused_once
    np.testing.assert_allclose(outputs[True]["representation"], outputs[False]["representation"], atol=0.05)


@pytest.mark.parametrize("kind", [OnnxRuntimeCuda, OnnxRuntimeTensorrt])
def test_absent_provider_is_an_error_with_a_remedy(
    kind: type[OnnxRuntimeCuda] | type[OnnxRuntimeTensorrt], onnx_artifact: Path, task: str
) -> None:
    if kind.availability().available:
        pytest.skip("it is there")
    with pytest.raises(BackendError, match=r"(pip install|install the driver|LD_LIBRARY_PATH)"):
        kind(onnx_artifact, format="onnx-fp32", task=task).open()


def test_session_that_fell_back_is_refused(onnx_artifact: Path, task: str) -> None:
    """What the GPU wheel does without a GPU: the session comes back on the CPU, and nothing is raised."""

    class Absent(OnnxRuntimeCpu):
        name = "onnxruntime-absent"
        provider = "CUDAExecutionProvider"

    with pytest.raises(BackendError, match="CUDAExecutionProvider does not load, the session fell back to CPU"):
        Absent(onnx_artifact, format="onnx-fp32", task=task).open()


def test_the_trial_of_tensorrt_multiplies_two_matrices() -> None:
    model, shapes = OnnxRuntimeTensorrt.trial
    onnx.checker.check_model(onnx.load_from_string(model))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    x = np.array([[1, 2], [3, 4]], dtype=np.float32)
    assert shapes == {"x": x.shape}
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], x @ x)


def test_the_trial_of_cuda_attends() -> None:
    """Matrix products alone run without cuDNN; fused attention does not."""
    model, shapes = OnnxRuntimeCuda.trial
    onnx.checker.check_model(onnx.load_from_string(model))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape, np.float32) for shape in shapes.values())
    query, key, value = np.split((x[0] @ w + b).astype(np.float64), 3, axis=1)
    weights = np.exp(query @ key.T / np.sqrt(8))
    expected = weights / weights.sum(axis=1, keepdims=True) @ value
    np.testing.assert_allclose(session.run(None, {"x": x, "w": w, "b": b})[0][0], expected, rtol=1e-4)


@needs_standin
def test_cuda_without_cudnn_is_not_available(tmp_path: Path) -> None:
    code = "from backends.registry import availability; print(availability('onnxruntime-cuda'))"
    assert "available=True" in on_standin("-c", code).stdout
    for library in STANDIN.iterdir():
        if library.name.startswith(("lib", "pynvml")) and "cudnn" not in library.name:
            (tmp_path / library.name).symlink_to(library)
    found = on_standin("-c", code, libraries=tmp_path).stdout
    assert "available=False" in found and "finds no cuDNN" in found


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_trial_raises_no_exception_but_says_why() -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("the GPU wheel is installed")
    found = OnnxRuntimeCuda._trial()
    assert found is not None
    assert found[0] == "CUDAExecutionProvider does not load"


def test_only_arithmetic_with_shapes_may_be_left_to_the_cpu() -> None:
    shapes = {"Shape": 3, "Gather": 2, "Concat": 2, "Unsqueeze": 4, "Equal": 1, "Where": 1, "Range": 1, "Cast": 2}
    assert computing(shapes) == {}
    work = {"MatMul": 1, "Gemm": 1, "MatMulInteger": 24, "QLinearMatMul": 2, "QLinearAdd": 1, "QuantizeLinear": 9}
    work |= {"DequantizeLinear": 9, "Softmax": 2, "LayerNormalization": 5, "Attention": 2, "MatMulNBits": 1}
    assert computing({**shapes, **work}) == work


def test_a_model_whose_work_would_run_on_the_cpu_is_refused(
    onnx_artifact: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Left(OnnxRuntimeCuda):
        def _prepare(self) -> None:
            self._session = None

        def _left_to_cpu(self) -> Counter[str]:
            return Counter(QuantizeLinear=2, Gather=5, MatMul=1)

    monkeypatch.setattr("backends.onnxruntime.cpu.OnnxRuntime._load", lambda self: None)
    with pytest.raises(BackendError, match=r"model\.onnx, 1 MatMul, 2 QuantizeLinear would run on the CPU") as raised:
        Left(onnx_artifact, format="onnx-prebuilt", task=task).open()
    assert "Gather" not in str(raised.value)


def test_the_precision_hint_is_what_the_provider_is_told(tmp_path: Path) -> None:
    def hint(**provider: int) -> str | None:
        return OnnxRuntimeCuda(
            tmp_path, format="onnx-fp32", task=TASK, options={"provider": provider}
        )._precision_hint()

    assert hint() == hint(use_tf32=0) == "TF32 off"
    assert hint(use_tf32=1) == "TF32 allowed"


@pytest.mark.parametrize("kind", [OnnxRuntimeCuda, OnnxRuntimeTensorrt])
def test_a_device_is_chosen_by_the_environment_alone(kind: type[OnnxRuntimeCuda] | type[OnnxRuntimeTensorrt]) -> None:
    with pytest.raises(BackendError, match=r"option provider: device_id .* CUDA_VISIBLE_DEVICES") as raised:
        kind.check_options({"provider": {"device_id": 1}})
    assert "\n" not in str(raised.value)


def test_memory_errors_are_told_apart() -> None:
    assert isinstance(from_runtime("x", RuntimeError("CUDA out of memory.\nTried 2 GiB")), OutOfMemory)
    assert isinstance(from_runtime("x", MemoryError()), OutOfMemory)
    assert not isinstance(from_runtime("x", RuntimeError("bad shape")), OutOfMemory)
    assert "\n" not in str(from_runtime("x", RuntimeError("a\nb")))


def test_only_numpy_and_onnxruntime_are_imported(onnx_artifact: Path, task: str) -> None:
    program = (
        "import sys, pathlib\n"
        "from backends.registry import open_backend\n"
        "from backends.batching import infer_all\n"
        "from backends.host.memory import MemoryProbe\n"
        "memory = MemoryProbe()\n"
        f"with open_backend('onnxruntime-cpu', pathlib.Path({str(onnx_artifact)!r}),"
        f" format='onnx-fp32', task={task!r}, threads=1) as backend:\n"
        "    backend.describe(), memory.peak_bytes(), memory.device_bytes()\n"
        "heavy = {'torch', 'transformers', 'onnx', 'openvino', 'scipy', 'pandas', 'pyarrow', 'psutil'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""
