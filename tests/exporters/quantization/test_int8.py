"""What is quantized in the two INT8 formats, and what is not."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from exporters.artifact import export
from exporters.manifest import read_manifest
from exporters.onnx.graph import embeddings, head, read_model
from exporters.parity import checkpoint_outputs, compare_outputs
from exporters.quantization import calibration
from exporters.quantization import weights as quantization
from exporters.quantization.instruction_set import WITHOUT_VNNI

NAMES = ("bert-qa", "distilbert-qa", "bert-classes")


@pytest.mark.parametrize("name", NAMES)
def test_static_quantizes_the_encoders_products_with_weights_alone(name, artifact):
    graph = read_model(artifact(name, "onnx-int8-static", "mean")).graph
    producer = {output: node for node in graph.node for output in node.output}
    quantized = [node for node in graph.node if _from(producer, node, 0) == "DequantizeLinear"]
    per_layer = 6
    sensitivity = read_manifest(artifact(name, "onnx-int8-static", "mean")).sensitivity
    assert sensitivity is not None and sensitivity["left_float"] == []
    assert [node.op_type for node in quantized] == ["MatMul"] * (2 * per_layer)
    assert all(_from(producer, node, 1) == "DequantizeLinear" for node in quantized)
    assert not {node.name for node in quantized} & set(head(graph))
    activations = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    assert {producer[node.input[0]].op_type for node in activations} <= {
        "LayerNormalization",
        "Reshape",
        "Mul",
    }


@pytest.mark.parametrize("name", NAMES)
def test_static_scales_never_hold_the_mask(name, artifact):
    graph = read_model(artifact(name, "onnx-int8-static", "mean")).graph
    weights = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            assert weights[node.input[1]].max() < 1
    of_weights = [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in weights]
    assert [weights[node.input[1]].ndim for node in of_weights] == [1] * 12


@pytest.mark.parametrize("name", NAMES)
def test_static_is_no_worse_on_padded_rows(name, artifact, checkpoints, tasks, batches, run):
    expected = checkpoint_outputs(checkpoints[name], tasks[name], "cls", batches)
    actual = run(artifact(name, "onnx-int8-static"), batches)
    output = "logits" if "classes" in name else "start_logits"
    full: list[float] = []
    padded: list[float] = []
    for wanted, given, batch in zip(expected, actual, batches, strict=True):
        for row, mask in enumerate(batch["attention_mask"].astype(bool)):
            kept = mask if output == "start_logits" else slice(None)
            error = np.abs(wanted[output][row] - given[output][row])[kept].mean()
            (full if mask.all() else padded).append(error)
    assert np.mean(padded) < 2 * np.mean(full)


@pytest.mark.parametrize("format", ["onnx-int8-dynamic", "onnx-int8-static"])
@pytest.mark.parametrize("name", NAMES)
def test_embeddings_are_quantized(name, format, artifact):
    graph = read_model(artifact(name, format)).graph
    kinds = {weight.name: weight.data_type for weight in graph.initializer}
    found = [kinds[node.input[0]] for node in graph.node if node.name in set(embeddings(graph))]
    kind = onnx.TensorProto.INT8 if format == "onnx-int8-static" else onnx.TensorProto.UINT8
    assert found == [kind] * (2 if name.startswith("distilbert") else 3)


@pytest.mark.parametrize("name", NAMES)
def test_dynamic_quantizes_the_encoders_products_alone(name, artifact):
    graph = read_model(artifact(name, "onnx-int8-dynamic")).graph
    assert [node.op_type for node in graph.node].count("MatMulInteger") == 12
    assert not {node.op_type for node in graph.node if node.name in set(head(graph))} & {"MatMulInteger"}


@pytest.mark.parametrize("format", ["onnx-int8-dynamic", "onnx-int8-static"])
def test_without_vnni_weights_take_seven_bits(format, tmp_path, artifact, batches, monkeypatch):
    monkeypatch.setattr(quantization, "instruction_set", lambda: WITHOUT_VNNI)
    for writer in ("int8_dynamic", "int8_static"):
        monkeypatch.setattr(f"exporters.quantization.{writer}.instruction_set", lambda: WITHOUT_VNNI)
    parent = artifact("bert-qa", "onnx-fp32")
    manifest = export(format, parent, tmp_path, task="question-answering", pooling="cls", calibration=batches)
    assert manifest.isa == WITHOUT_VNNI
    weights = [
        numpy_helper.to_array(weight)
        for weight in read_model(tmp_path).graph.initializer
        if weight.data_type == onnx.TensorProto.INT8 and len(weight.dims) == 2 and "embeddings" not in weight.name
    ]
    assert weights
    assert max(np.abs(weight.astype(int)).max() for weight in weights) <= 64


def test_the_calibration_record(artifact):
    record = read_manifest(artifact("bert-qa", "onnx-int8-static")).calibration
    assert record is not None
    assert (record["method"], record["batches"], record["examples"]) == ("min-max", 4, 24)
    assert (record["shortest"], record["longest"]) == (3, 48)
    assert record["tokens"] + record["padding"] == 6 * (12 + 48 + 24 + 36)


def test_calibration_without_padding_or_of_one_length_is_warned_of(tmp_path, artifact, make_batch):
    parent, one = artifact("bert-qa", "onnx-fp32"), {name: array[:1] for name, array in make_batch(0, 2, 12).items()}
    shorter = {name: array[:, :7] for name, array in one.items()}
    assert calibration.warnings([make_batch(0, 2, 12)]) == []
    assert [line.split(":")[0] for line in calibration.warnings([one, shorter])] == ["calibrated without padding"]
    manifest = export("onnx-int8-static", parent, tmp_path, task="question-answering", pooling="cls", calibration=[one])
    assert manifest.warnings == read_manifest(tmp_path).warnings == calibration.warnings([one])
    assert "calibrated on texts of 12 tokens alone: give texts of mixed lengths" in manifest.warnings


def test_other_calibration_gives_other_scales(tmp_path, artifact, batches):
    parent = artifact("bert-qa", "onnx-fp32")
    other = export("onnx-int8-static", parent, tmp_path, task="question-answering", pooling="cls", calibration=batches)
    before = read_manifest(artifact("bert-qa", "onnx-int8-static"))
    assert before.calibration is not None and other.calibration is not None
    assert before.calibration["sha256"] != other.calibration["sha256"]
    assert before.files["model.onnx"]["sha256"] != other.files["model.onnx"]["sha256"]


@pytest.mark.parametrize("name", NAMES)
def test_onnx_runtime_runs_every_product_in_int8(name, artifact, tmp_path):
    """What else reads a product's input must read it as float32, or these fusions are lost."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(artifact(name, "onnx-int8-static") / "model.onnx"), options)
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("MatMulIntegerToFloat") == 12


@pytest.mark.parametrize("name", NAMES)
def test_residuals_and_the_rest_stay_float32(name, artifact):
    graph = read_model(artifact(name, "onnx-int8-static")).graph
    activations = {node.output[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    restored = {
        node.output[0] for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in activations
    }
    readers = {node.op_type for node in graph.node if restored & set(node.input)}
    assert readers == {"MatMul"}


@pytest.mark.parametrize("name", NAMES)
def test_for_tensorrt_everything_is_signed_around_zero(name, artifact):
    graph = read_model(artifact(name, "onnx-int8-tensorrt")).graph
    weights = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    quantizing = [node for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert len(quantizing) == 2 * 8 + 12
    for node in quantizing:
        assert weights[node.input[2]].dtype == np.int8
        assert not weights[node.input[2]].any()
    assert not {weight.dtype for weight in weights.values()} & {np.dtype(np.uint8)}


@pytest.mark.parametrize("method", ["entropy", "percentile"])
def test_other_methods_cut_off_what_is_rare(method, tmp_path, artifact, batches):
    ranges = {}
    for chosen in ("min-max", method):
        folder = tmp_path / chosen
        folder.mkdir()
        manifest = export(
            "onnx-int8-static",
            artifact("bert-qa", "onnx-fp32"),
            folder,
            task="question-answering",
            pooling="cls",
            calibration=batches,
            calibration_method=chosen,
        )
        assert manifest.calibration is not None and manifest.calibration["method"] == chosen
        graph = read_model(folder).graph
        scales = {weight.name: weight for weight in graph.initializer}
        names = [node.input[1] for node in graph.node if node.op_type == "QuantizeLinear"]
        ranges[chosen] = np.array([numpy_helper.to_array(scales[name]) for name in names])
    assert (ranges[method] <= ranges["min-max"] * 1.001).all()
    assert (ranges[method] < ranges["min-max"]).any()


@pytest.mark.parametrize(
    "format",
    [
        "onnx-int8-dynamic",
        pytest.param("onnx-int8-static", marks=pytest.mark.slow),
        pytest.param("onnx-int8-tensorrt", marks=pytest.mark.slow),
    ],
)
def test_tinyberts_head_of_26(format, tmp_path, small_heads, make_batch, run):
    """TinyBERT-4L-312 divides 312 channels among 12 heads: no multiple of 8 or 16."""
    checkpoint, parent = small_heads
    seen = [make_batch(seed, 6, length) for seed, length in enumerate((12, 48, 24, 36))]
    export(format, parent, tmp_path, task="question-answering", pooling="cls", calibration=seen)
    fresh = [make_batch(100, 8, 40)]
    expected = checkpoint_outputs(checkpoint, "question-answering", "cls", fresh)
    parity = compare_outputs(expected, run(tmp_path, fresh), fresh, task="question-answering")
    assert parity.finite
    assert parity.largest_logit_difference < 0.3 * expected[0]["start_logits"].std()


@pytest.fixture(scope="session")
def small_heads(checkpoints, tmp_path_factory):
    """(checkpoint, its onnx-fp32 artifact)."""
    import transformers

    checkpoint, parent = tmp_path_factory.mktemp("tinybert"), tmp_path_factory.mktemp("tinybert-fp32")
    config = transformers.BertConfig(
        vocab_size=120,
        hidden_size=312,
        num_hidden_layers=4,
        num_attention_heads=12,
        intermediate_size=1200,
        max_position_embeddings=64,
    )
    transformers.set_seed(7)
    transformers.AutoModelForQuestionAnswering.from_config(config).save_pretrained(checkpoint)
    shutil.copy(checkpoints["bert-qa"] / "tokenizer.json", checkpoint)
    export("onnx-fp32", checkpoint, parent, task="question-answering", pooling="cls")
    return checkpoint, parent


def _from(producer, node, index):
    if node.op_type not in ("MatMul", "Gemm"):
        return None
    before = producer.get(node.input[index])
    return None if before is None else before.op_type
