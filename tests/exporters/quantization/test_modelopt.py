"""FP8 and INT8 by NVIDIA's ModelOpt: what is quantized, what is not, and what is left as it was."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
from onnx import numpy_helper

from exporters.artifact import export
from exporters.errors import ExportError
from exporters.files import sha256
from exporters.format import Format
from exporters.formats import FORMATS, lineage
from exporters.manifest import read_manifest
from exporters.onnx.graph import head, opset, read_model
from exporters.onnx.graph_facts import graph_facts, matmuls_by_type
from exporters.parity import checkpoint_outputs
from exporters.quantization import modelopt as onnx_modelopt
from exporters.quantization import modelopt_process

NAMES = ("bert-qa", "distilbert-qa", "bert-classes", "distilbert-classes")
LARGEST = 448.0  # of E4M3; ModelOpt keeps a twelfth of it for the calibrated range

needs_modelopt = pytest.mark.skipif(
    FORMATS["onnx-fp8"].missing() is not None, reason=str(FORMATS["onnx-fp8"].missing())
)


@pytest.mark.parametrize(("format", "kind"), [("onnx-fp8", "fp8"), ("onnx-int8-modelopt", "int8")])
@pytest.mark.parametrize("name", NAMES)
def test_the_encoders_products_and_attention_are_quantized_and_the_head_is_not(name, format, kind, artifact):
    folder = artifact(name, format, "mean")
    model = read_model(folder)
    matmuls = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm")]
    outside = sum(node.name in set(head(model.graph)) for node in matmuls)
    assert outside > 0
    assert matmuls_by_type(model.graph) == {"float": outside, kind: 2 * (6 + 2)}
    manifest = read_manifest(folder)
    assert manifest.found is not None
    assert manifest.found["matmuls"] == {"float": outside, kind: 16}
    assert manifest.precision.startswith(graph_facts(model).precision) and kind in manifest.precision
    assert opset(model) >= 19
    assert manifest.versions["nvidia-modelopt"]


@pytest.mark.parametrize("name", NAMES)
def test_fp8_weights_are_stored_in_8_bits_and_scaled_by_channel(name, artifact):
    parent = {weight.name: weight for weight in read_model(artifact(name, "onnx-fp32")).graph.initializer}
    folder = artifact(name, "onnx-fp8")
    weights = {weight.name: weight for weight in read_model(folder).graph.initializer}
    restored = [node for node in read_model(folder).graph.node if node.op_type == "DequantizeLinear"]
    of_weights = [node for node in restored if node.input[0] in weights]
    assert len(of_weights) == 12
    for node in of_weights:
        values = numpy_helper.to_array(weights[node.input[0]]).astype(np.float32)
        scale = numpy_helper.to_array(weights[node.input[1]])
        exact = numpy_helper.to_array(parent[node.input[0]])
        assert scale.shape == (values.shape[1],)
        assert LARGEST / 16 < np.abs(values).max() < LARGEST / 12
        # Four digits of a number: half a step is 1/16 of it, and 2^-10 steps of the scale below the normal ones.
        assert (np.abs(values * scale - exact) <= np.maximum(np.abs(exact) / 16, scale * 2**-10) * 1.001).all()


@pytest.mark.parametrize("name", NAMES)
def test_fp8_counts_what_rounding_did_to_the_weights(name, artifact):
    folder = artifact(name, "onnx-fp8")
    rounding = read_manifest(folder).rounding
    quantized = [weight for weight in read_model(folder).graph.initializer if len(weight.dims) == 2]
    quantized = [weight for weight in quantized if weight.data_type == weight.FLOAT8E4M3FN]
    assert rounding is not None
    assert rounding["converted"] == sum(int(np.prod(weight.dims)) for weight in quantized)
    assert rounding["overflow"] == 0
    sizes = np.concatenate([np.abs(numpy_helper.to_array(one).astype(np.float32)).ravel() for one in quantized])
    assert rounding["subnormal"] == ((sizes > 0) & (sizes < 2**-6)).sum() > 0
    assert rounding["underflow"] == (sizes == 0).sum()  # of random weights none is 0


@pytest.mark.parametrize("name", NAMES)
def test_scales_never_hold_the_mask(name, artifact):
    for format in ("onnx-fp8", "onnx-int8-modelopt"):
        graph = read_model(artifact(name, format)).graph
        weights = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
        quantizing = [node for node in graph.node if node.op_type == "QuantizeLinear"]
        assert quantizing
        assert max(weights[node.input[1]].max() for node in quantizing) < 10


def test_fp8_is_no_worse_on_padded_rows(artifact, checkpoints, batches, run):
    expected = checkpoint_outputs(checkpoints["bert-qa"], "question-answering", "cls", batches)
    actual = run(artifact("bert-qa", "onnx-fp8"), batches)
    full: list[float] = []
    padded: list[float] = []
    for wanted, given, batch in zip(expected, actual, batches, strict=True):
        for row, mask in enumerate(batch["attention_mask"].astype(bool)):
            error = np.abs(wanted["start_logits"][row] - given["start_logits"][row])[mask].mean()
            (full if mask.all() else padded).append(error)
    assert np.mean(padded) < 2 * np.mean(full)


@needs_modelopt
def test_the_order_of_the_calibration_data_decides_nothing(tmp_path, artifact, make_batch):
    """By its first row ModelOpt tells which matmuls are too small to quantize."""
    batches = [make_batch(seed, 6, length) for seed, length in enumerate((12, 48, 24, 36))]
    export(
        "onnx-fp8",
        artifact("bert-qa", "onnx-fp32"),
        tmp_path,
        task="question-answering",
        pooling="cls",
        calibration=batches[::-1],
    )
    again, first = (read_model(folder).graph for folder in (tmp_path, artifact("bert-qa", "onnx-fp8")))
    assert matmuls_by_type(again) == matmuls_by_type(first)


@needs_modelopt
def test_neither_the_parent_nor_this_process_is_touched(tmp_path, artifact, batches):
    from onnxruntime.quantization.calibrate import CalibraterBase
    from onnxruntime.quantization.registry import QDQRegistry

    parent = artifact("bert-qa", "onnx-fp32")
    before = sha256(parent / "model.onnx"), set(QDQRegistry), CalibraterBase.create_inference_session
    export("onnx-fp8", parent, tmp_path, task="question-answering", pooling="cls", calibration=batches)
    assert before == (sha256(parent / "model.onnx"), set(QDQRegistry), CalibraterBase.create_inference_session)
    assert "modelopt" not in sys.modules


@needs_modelopt
def test_the_process_ends_with_the_one_that_waits_for_it(tmp_path, artifact, batches):
    graph = tmp_path / "model.onnx"
    graph.write_bytes((artifact("bert-qa", "onnx-fp32") / "model.onnx").read_bytes())
    modelopt_process.save_rows([batches[0]], tmp_path / "rows.npz")
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "exporters.quantization.modelopt_process"),
            *(str(graph), str(tmp_path / "rows.npz"), str(tmp_path / "out.onnx"), '{"quantize_mode": "fp8"}'),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert done.returncode == 1
    assert not (tmp_path / "out.onnx").exists()


def test_calibration_data_is_read_as_it_was_written(tmp_path, batches):
    modelopt_process.save_rows(batches, tmp_path / "rows.npz")
    reader = modelopt_process.Rows(tmp_path / "rows.npz")
    for _ in range(2):
        read = list(iter(reader.get_next, None))
        assert len(read) == len(batches)
        for given, found in zip(batches, read, strict=True):
            assert given.keys() == found.keys()
            assert all(np.array_equal(given[name], found[name]) for name in given)
        reader.rewind()
    assert np.array_equal(reader.get_first()["input_ids"], batches[0]["input_ids"])


@needs_modelopt
def test_what_modelopt_refuses_is_one_line_and_no_artifact(tmp_path, artifact, batches):
    batch = {**batches[0], "input_ids": batches[0]["input_ids"] + 10_000}
    with pytest.raises(ExportError, match=r"ModelOpt 0\.\d+\.\d+ cannot quantize .*: .*indices") as raised:
        onnx_modelopt.write(artifact("bert-qa", "onnx-fp32"), tmp_path, [batch], mode="fp8")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@needs_modelopt
@pytest.mark.parametrize("method", ["entropy", "percentile"])
def test_only_least_and_greatest_values_are_offered(method, tmp_path, artifact, batches):
    with pytest.raises(ExportError, match=f"onnx-fp8 has no calibration method '{method}': use min-max"):
        export(
            "onnx-fp8",
            artifact("bert-qa", "onnx-fp32"),
            tmp_path,
            task="question-answering",
            pooling="cls",
            calibration=batches,
            calibration_method=method,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_one_line_with_the_way_to_it(tmp_path, artifact, batches, monkeypatch):
    parent = artifact("bert-qa", "onnx-fp32")
    monkeypatch.setattr(Format, "missing", lambda self: "the package 'x' is not installed" if self.packages else None)
    with pytest.raises(ExportError, match="onnx-fp8 cannot be exported: the package 'x' is not installed"):
        export("onnx-fp8", parent, tmp_path, task="question-answering", pooling="cls", calibration=batches)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_found_by_its_distribution():
    there = Format("a", "onnx", "int8", "", "", packages=("onnx",))
    gone = Format("b", "onnx", "int8", "", "", packages=("onnx", "no-such-package"))
    assert there.missing() is None
    assert gone.missing() == (
        "the package 'no-such-package' is not installed; install it with: pip install -e '.[modelopt]'"
    )
    assert [entry.name for entry in lineage("tensorrt-fp8")] == ["tensorrt-fp8", "onnx-fp8", "onnx-fp32"]


def test_onnx_runtime_still_needs_its_fusions_switched_off(artifact):
    """When this fails, the option in `backends.onnxruntime.cpu` has become unnecessary."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    with pytest.raises(Exception, match="float8e4m3fn"):
        onnxruntime.InferenceSession(str(artifact("bert-qa", "onnx-fp8") / "model.onnx"), options)
