"""Reading the parts of an exported graph, and writing it in one file or two."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

from exporters.artifact import export
from exporters.formats import FORMATS
from exporters.onnx import graph as onnx_graph
from exporters.onnx.graph import behind_mask, fold_identities, head, read_model


def test_the_head_of_question_answering(artifact):
    names = head(read_model(artifact("bert-qa", "onnx-fp32", "mean")).graph)
    assert any("qa_outputs/MatMul" in name for name in names)
    assert not any("encoder" in name or "embeddings" in name for name in names)


def test_the_head_of_classification_includes_its_pooler(artifact):
    names = head(read_model(artifact("bert-classes", "onnx-fp32")).graph)
    assert any("pooler" in name for name in names)
    assert any("classifier" in name for name in names)
    assert not any("encoder" in name or "embeddings" in name for name in names)


@pytest.mark.parametrize("name", ["bert-qa", "distilbert-qa"])
def test_behind_the_mask_are_scores_and_mean_pooling_but_no_weights(name, artifact):
    graph = read_model(artifact(name, "onnx-fp32", "mean")).graph
    found = set(behind_mask(graph))
    kinds = Counter(node.op_type for node in graph.node if node.name in found)
    assert kinds["Softmax"] == 2
    assert kinds["ReduceSum"] == 2
    assert kinds["MatMul"] == kinds["LayerNormalization"] == 0


def test_the_representation_changes_neither_logits_nor_fusion(tmp_path, artifact, batches, run):
    folder = artifact("bert-qa", "onnx-fp32", "mean")
    model = read_model(folder)
    without = onnx.utils.Extractor(model).extract_model(
        [value.name for value in model.graph.input], ["start_logits", "end_logits"]
    )
    onnx.save(without, tmp_path / "model.onnx")
    for a, b in zip(run(folder, batches), run(tmp_path, batches), strict=True):
        np.testing.assert_array_equal(a["start_logits"], b["start_logits"])
        np.testing.assert_array_equal(a["end_logits"], b["end_logits"])
    kinds = [_optimised(path, tmp_path / "optimised.onnx") for path in (folder, tmp_path)]
    added = Counter(kinds[0])
    added.subtract(kinds[1])
    assert set(+added) <= {"Unsqueeze", "Cast", "Mul", "ReduceSum", "Max", "Div", "Clip", "Expand", "Shape"}
    assert not -added
    assert kinds[1]["BiasGelu"] == 2


def test_identities_over_weights_are_folded():
    make = onnx.helper.make_node
    weight = onnx.numpy_helper.from_array(np.eye(2, dtype=np.float32), "weight")
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2, 2]) for name in "xy"]
    nodes = [make("Identity", ["weight"], ["same"], "copy"), make("MatMul", ["x", "same"], ["y"], "product")]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "graph", value[:1], value[1:], [weight]))
    fold_identities(model)
    assert [(node.op_type, list(node.input)) for node in model.graph.node] == [("MatMul", ["x", "weight"])]


def test_a_model_too_large_for_one_file(tmp_path, checkpoints, artifact, batches, make_batch, run, monkeypatch):
    """The limit of protobuf is lowered, so that a small model crosses it."""
    formats = [name for name, found in FORMATS.items() if found.family == "onnx" and not found.packages]
    in_one_file = {format: artifact("bert-qa", format) for format in formats}  # made under the limit as it is
    monkeypatch.setattr(onnx_graph, "SINGLE_FILE_LIMIT", 20_000)
    calibration = [make_batch(seed, 6, length) for seed, length in enumerate((12, 48, 24, 36))]  # as `artifact` does
    for format in formats:
        folder = tmp_path / format
        folder.mkdir()
        parent = FORMATS[format].parent
        source = checkpoints["bert-qa"] if parent is None else tmp_path / parent
        before = {path.name: path.stat().st_mtime_ns for path in source.iterdir()}
        manifest = export(format, source, folder, task="question-answering", pooling="cls", calibration=calibration)
        assert {path.name: path.stat().st_mtime_ns for path in source.iterdir()} == before
        assert set(manifest.files) == {"model.onnx", "model.onnx.data", "tokenizer.json"}
        assert manifest.files["model.onnx.data"]["bytes"] > 20_000
        if format in ("onnx-bf16", "onnx-packed", "onnx-packed-fp16"):  # ONNX Runtime does not run them on the CPU
            continue
        one_file = run(in_one_file[format], batches)
        for a, b in zip(one_file, run(folder, batches), strict=True):
            np.testing.assert_allclose(a["start_logits"], b["start_logits"], err_msg=format)


def _optimised(folder, written):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(written)
    onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(written).graph.node)
