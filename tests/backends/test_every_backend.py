"""What every backend that works here must do, on the same weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.backend import Backend
from backends.batching import infer_all, pad
from backends.errors import BackendError
from backends.registry import BACKENDS, availability, backend_class, open_backend, unsupported_reason
from exporters.formats import FORMATS
from exporters.quantization import modelopt as onnx_modelopt

HERE = ("onnxruntime-cpu", "openvino-cpu", "torch-cpu", pytest.param("torch-cpu-compiled", marks=pytest.mark.nightly))
PER_TOKEN = frozenset({"start_logits", "end_logits"})
Ragged = dict[str, list[NDArray[np.int64]]]


@pytest.fixture(params=HERE)
def backend_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if not availability(name).available:
        pytest.skip(availability(name).reason)
    return name


@pytest.fixture
def opened(backend_name: str, task: str, checkpoint: Path, onnx_artifact: Path) -> Iterator[Backend]:
    torch = backend_name.startswith("torch")
    with open_backend(
        backend_name,
        checkpoint if torch else onnx_artifact,
        format="torch-fp32" if torch else "onnx-fp32",
        task=task,
        threads=1,
    ) as backend:
        yield backend


def test_padding_changes_no_output(opened: Backend, ragged: Ragged) -> None:
    alone = [opened.infer(pad(ragged, [i])) for i in range(len(ragged["input_ids"]))]
    batched = infer_all(opened, ragged, token_budget=128, per_token=PER_TOKEN, pad_to_multiple=8)
    shuffled = infer_all(opened, ragged, token_budget=64, per_token=PER_TOKEN, shuffle_seed=1)
    for name in opened.outputs:
        for one, several, others in zip(alone, batched[name], shuffled[name], strict=True):
            assert several.dtype == np.float32
            np.testing.assert_allclose(several, one[name][0], atol=1e-5)
            np.testing.assert_allclose(others, one[name][0], atol=1e-5)


def test_agrees_with_onnxruntime(opened: Backend, task: str, onnx_artifact: Path, ragged: Ragged) -> None:
    feeds = pad(ragged, range(8))
    with open_backend("onnxruntime-cpu", onnx_artifact, format="onnx-fp32", task=task, threads=1) as other:
        expected = other.infer(feeds)
    outputs = opened.infer(feeds)
    assert outputs.keys() == expected.keys()
    mask = feeds["attention_mask"].astype(bool)
    for name, array in outputs.items():
        rows = mask if name in PER_TOKEN else slice(None)
        np.testing.assert_allclose(array[rows], expected[name][rows], atol=1e-5)


def test_outputs_are_not_overwritten_by_the_next_inference(opened: Backend, ragged: Ragged) -> None:
    first = opened.infer(pad(ragged, [0]))
    kept = {name: array.copy() for name, array in first.items()}
    opened.infer(pad(ragged, [1], length=len(ragged["input_ids"][0]) + 24))
    for name, array in first.items():
        np.testing.assert_array_equal(array, kept[name])


def test_description_is_json_and_tells_threads(opened: Backend, backend_name: str) -> None:
    description = opened.describe()
    assert json.loads(json.dumps(description)) == description
    assert description["backend"] == backend_name
    assert description["threads"] == 1
    assert description["versions"]
    assert {"provider", "precision_hint", "nodes", "left_to_cpu"} <= description.keys()
    assert opened.load_seconds is not None
    assert opened.load_seconds > 0


def test_missing_feed_and_bad_token_are_one_line(opened: Backend, ragged: Ragged) -> None:
    feeds = pad(ragged, [0, 1])
    with pytest.raises(BackendError, match="needs the input 'attention_mask'"):
        opened.infer({"input_ids": feeds["input_ids"]})
    with pytest.raises(BackendError, match="needs the input 'attention_mask'"):
        infer_all(opened, {"input_ids": ragged["input_ids"]}, token_budget=64, per_token=PER_TOKEN)


def test_products_are_counted_by_precision(opened: Backend, backend_name: str) -> None:
    matmuls = opened.matmuls()
    if backend_name.startswith("torch"):
        assert matmuls is None
    else:  # of two layers: Q, K, V, the attention's output, two of the feed-forward; attention itself; the head
        assert matmuls is not None and matmuls.keys() == {"fp32"}
        assert 10 <= matmuls["fp32"] <= 20


def test_unknown_options_are_one_line(backend_name: str, tmp_path: Path) -> None:
    kind = backend_class(backend_name)
    with pytest.raises(BackendError, match=f"{backend_name} has no option 'spining'; it has: .+"):
        kind.check_options({"spining": True})
    options = kind.check_options({})
    assert kind.check_options(options.model_dump(mode="json")) == options


def test_closed_is_closed(opened: Backend, ragged: Ragged) -> None:
    with pytest.raises(BackendError, match="open already"):
        opened.open()
    opened.close()
    opened.close()
    with pytest.raises(BackendError, match="infer before open"):
        opened.infer(pad(ragged, [0]))
    with pytest.raises(BackendError, match="describe before open"):
        opened.describe()


@pytest.mark.parametrize("name", BACKENDS)
def test_availability_explains_itself(name: str) -> None:
    found = availability(name)
    assert found.name == name
    if found.available:
        assert found.versions
        assert not found.reason
    else:
        assert found.reason
        assert found.remedy
        assert "\n" not in found.reason + found.remedy


def test_fp8_is_the_same_model_on_both_runtimes(task: str, onnx_artifact: Path, tmp_path: Path, ragged: Ragged) -> None:
    """Each rounds to FP8 and multiplies in FP32; neither may fuse the two into something else."""
    if (reason := FORMATS["onnx-fp8"].missing()) is not None:
        pytest.skip(reason)
    (onnx_artifact / "tokenizer.json").touch()
    feeds = pad(ragged, range(8))
    onnx_modelopt.write(onnx_artifact, tmp_path, [feeds], mode="fp8")
    mask, found = feeds["attention_mask"].astype(bool), []
    for name in HERE[:2]:
        with open_backend(name, tmp_path, format="onnx-fp8", task=task, threads=1) as backend:
            assert set(backend.matmuls() or {}) == {"fp32"}
            found.append(backend.infer(feeds))
    for name, array in found[0].items():
        rows = mask if name in PER_TOKEN else slice(None)
        difference = array[rows] - found[1][name][rows]
        assert np.sqrt((difference**2).mean()) < 0.02 * array[rows].std()


def test_names_and_formats_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"unknown backend 'tensorflow'; one of onnxruntime-cpu"):
        open_backend("tensorflow", tmp_path, format="onnx-fp32", task="text-classification")
    with pytest.raises(BackendError, match=r"torch-cpu does not serve onnx-fp16: it takes torch-\*: use onnx"):
        open_backend("torch-cpu", tmp_path, format="onnx-fp16", task="text-classification")
    with pytest.raises(BackendError, match="unknown task 'summary'"):
        open_backend("onnxruntime-cpu", tmp_path, format="onnx-fp32", task="summary")
    with pytest.raises(BackendError, match="threads is 0"):
        open_backend("onnxruntime-cpu", tmp_path, format="onnx-fp32", task="text-classification", threads=0)
    with pytest.raises(BackendError, match="no artifact folder at"):
        open_backend("onnxruntime-cpu", tmp_path / "none", format="onnx-fp32", task="text-classification")
    assert unsupported_reason("onnxruntime-cpu", "onnx-int8-static") is None
    assert "computed in float" in (unsupported_reason("onnxruntime-cuda", "onnx-int8-static") or "")
    assert "on the CPU" in (unsupported_reason("onnxruntime-cuda", "onnx-int8-dynamic") or "")
    assert "no dynamic quantization" in (unsupported_reason("onnxruntime-tensorrt", "onnx-int8-dynamic") or "")
    assert "unsigned" in (unsupported_reason("onnxruntime-tensorrt", "onnx-int8-static") or "")
    assert unsupported_reason("onnxruntime-tensorrt", "onnx-int8-tensorrt") is None
    assert unsupported_reason("onnxruntime-cuda", "onnx-packed") is None
    assert all(
        unsupported_reason(name, "onnx-packed") for name in ("onnxruntime-cpu", "onnxruntime-tensorrt", "openvino-cpu")
    )
    assert all("use onnx-int8-static" in (unsupported_reason(name, "onnx-int8-tensorrt") or "") for name in HERE[:2])
    assert all("use onnx-int8-static" in (unsupported_reason(name, "onnx-int8-modelopt") or "") for name in HERE[:2])
    assert all(unsupported_reason(name, "onnx-fp8") is None for name in HERE[:2])
    assert "use tensorrt-fp8" in (unsupported_reason("onnxruntime-tensorrt", "onnx-fp8") or "")
    assert "computed in float" in (unsupported_reason("onnxruntime-cuda", "onnx-fp8") or "")
    assert "use torch-cpu" in (unsupported_reason("openvino-cpu", "torch-fp32") or "")
