"""TensorRT as far as it goes without a GPU: profiles, the inspector's JSON, and files that are no engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
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
from backends.tensorrt.layers import layers_by_precision, products_by_precision

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


def layer(kind: str, given: str, made: str, **more: str) -> dict[str, object]:
    return {
        "Name": "/bert/encoder/layer.0",
        "LayerType": kind,
        "Inputs": [{"Name": "a", "Dimensions": [8, 128, 768], "Format/Datatype": given}],
        "Outputs": [{"Name": "b", "Dimensions": [8, 128, 768], "Format/Datatype": made}],
        **more,
    }


def test_the_inspectors_layers_are_counted_by_precision() -> None:
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
    assert layers_by_precision(information) == {"bf16": 1, "fp16": 3, "fp32": 1, "int8": 1}
    assert products_by_precision(information) == {"bf16": 1, "fp16": 1, "int8": 2}


def test_an_engine_without_detail_names_its_layers_only() -> None:
    information = json.dumps({"Layers": ["gemm_0 + bias", "softmax"], "Bindings": []})
    assert layers_by_precision(information) == products_by_precision(information) == {}


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


class Held:
    """An array on the device, as Polygraphy's: filled from the host, and read back."""

    alive = 0

    def __init__(self, shape: Any, dtype: Any) -> None:
        self.array = np.empty(shape, dtype)

    def __enter__(self) -> Held:
        Held.alive += 1
        return self

    def __exit__(self, *error: object) -> None:
        Held.alive -= 1

    def copy_from(self, array: NDArray[Any]) -> Held:
        assert array.dtype == self.array.dtype and array.flags.c_contiguous
        self.array[...] = array
        return self

    def numpy(self) -> NDArray[Any]:
        return self.array.copy()


class Runner:
    """Gives the row sums of ``input_ids`` in buffers that the next call writes to, as Polygraphy's runner does."""

    stream = SimpleNamespace(synchronize=lambda: None)

    def __init__(self, engine: Any) -> None:
        self.buffer = np.zeros(64, np.float32)
        self.kinds: set[str] = set()
        self.on_device = 0

    def activate(self) -> None: ...

    def deactivate(self) -> None: ...

    def set_profile(self, index: int) -> None: ...

    def infer(self, feeds: Mapping[str, Any], *, check_inputs: bool, copy_outputs_to_host: bool = True) -> Any:
        held = isinstance(feeds["input_ids"], Held)
        self.on_device += held
        assert held is not copy_outputs_to_host
        arrays = {name: value.array if held else value for name, value in feeds.items()}
        self.kinds |= {str(array.dtype) for array in arrays.values()}
        rows = len(arrays["input_ids"])
        self.buffer[:rows] = arrays["input_ids"].sum(axis=1)
        made = self.buffer[:rows, None]
        if copy_outputs_to_host:
            return {"logits": made, "representation": made}
        answer = Held(made.shape, np.float32).copy_from(np.ascontiguousarray(made))
        return {"logits": answer, "representation": answer}


@pytest.fixture(params=["int64", "int32"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TensorRt]:
    """The backend on libraries that stand in for TensorRT's and Polygraphy's, with inputs of this type."""
    kinds = {"input_ids": kind.upper(), "attention_mask": kind.upper(), "logits": "FLOAT", "representation": "FLOAT"}
    names = list(kinds)
    engine = SimpleNamespace(
        num_io_tensors=len(names),
        num_optimization_profiles=2,
        get_tensor_name=lambda index: names[index],
        get_tensor_dtype=lambda name: SimpleNamespace(name=kinds[name]),
        get_tensor_shape=lambda name: (-1, -1),
        get_tensor_mode=lambda name: "in" if name in names[:2] else "out",
        get_tensor_profile_shape=lambda name, index: ([1, 1], [2, 8], [2, 8]) if index else ([1, 1], [1, 8], [1, 8]),
    )
    trt, cuda, tensorrt = ModuleType("polygraphy.backend.trt"), ModuleType("cuda"), ModuleType("tensorrt")
    trt.__dict__.update(EngineFromBytes=lambda content: lambda: engine, TrtRunner=Runner)
    cuda.__dict__.update(DeviceArray=Held)
    tensorrt.__dict__.update(TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"))
    package, backend = ModuleType("polygraphy"), ModuleType("polygraphy.backend")
    package.__dict__.update(cuda=cuda)
    backend.__dict__.update(trt=trt)
    for name, module in {"tensorrt": tensorrt, "polygraphy": package, "polygraphy.backend": backend}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(TensorRt, "availability", classmethod(lambda cls: Availability("tensorrt", True, "", "", {})))
    (tmp_path / "model.engine").write_bytes(b"ftrt" + bytes(40))
    with TensorRt(tmp_path, format="tensorrt-prebuilt", task="text-classification") as found:
        yield found


FEEDS = {
    "input_ids": np.arange(40, dtype=np.int64).reshape(5, 8),
    "attention_mask": np.ones((5, 8), dtype=np.int64),
}


def test_parts_of_a_batch_keep_their_own_outputs(opened: TensorRt, kind: str) -> None:
    outputs = opened.infer(FEEDS)  # three calls: of two rows, two and one
    np.testing.assert_array_equal(outputs["logits"][:, 0], FEEDS["input_ids"].sum(axis=1))
    assert opened._runner.kinds == {kind}


def test_the_stages_of_all_parts_are_timed_on_arrays_of_the_device(opened: TensorRt) -> None:
    times = opened.device_times(FEEDS)
    assert times is not None and set(times) == {"host_to_device", "compute", "device_to_host"}
    assert opened._runner.on_device % 3 == 0 and opened._runner.on_device > 0
    assert Held.alive == 0


def test_other_types_of_inputs_are_refused(tmp_path: Path) -> None:
    ports = [Port(name, "float", (None, None)) for name in ("input_ids", "attention_mask")]
    with pytest.raises(BackendError, match="is float; it must be int64 or int32"):
        check_ports("tensorrt", tmp_path, ports, [], (), types=("int64", "int32"))
