"""The fused graphs in half precision: what stays in float32, and where attention gets its lengths from."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from onnx import TensorProto, helper

from exporters.manifest import read_manifest
from exporters.onnx.graph import read_model, write_model


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("name", ["bert-qa", "distilbert-qa", "bert-classes", "distilbert-classes"])
@pytest.mark.parametrize("format", ["onnx-fused-fp16", "onnx-packed-fp16"])
def test_every_layer_stays_fused_and_passes_half_precision(format, name, pooling, artifact):
    folder = artifact(name, format, pooling)
    graph = read_model(folder).graph
    counts = Counter(node.op_type for node in graph.node)
    attention = "PackedAttention" if "packed" in format else "Attention"
    expected = {attention: 2, "BiasGelu": 2, "SkipLayerNormalization": 4, "EmbedLayerNormalization": 1}
    assert {kind: counts[kind] for kind in expected} == expected
    rounding = read_manifest(folder).rounding
    assert rounding is not None and rounding["overflow"] == 0
    # A cast in a layer would be a launch of its own: they stand at the borders and around the head's float32 alone.
    by_output = {output: node for node in graph.node for output in node.output}
    fused = {"Attention", "PackedAttention", "BiasGelu", "SkipLayerNormalization"}
    for node in graph.node:
        if node.op_type in fused:
            assert all(by_output[read].op_type != "Cast" for read in node.input if read in by_output), node.name
    large = {weight.data_type for weight in graph.initializer if np.prod(weight.dims) > 32}
    assert large == {TensorProto.FLOAT16}


@pytest.mark.parametrize("name", ["bert-qa", "distilbert-qa"])
def test_attention_reads_the_length_of_each_text(name, artifact):
    """On CUDA a two-dimensional mask selects attention in five kernels."""
    graph = read_model(artifact(name, "onnx-fused-fp16"), weights=False).graph
    by_output = {output: node for node in graph.node for output in node.output}
    read = {node.input[3] for node in graph.node if node.op_type == "Attention"}
    (lengths,) = (by_output[name] for name in read)
    assert lengths.op_type == "ReduceSum"
    mask = by_output[lengths.input[0]]
    assert list(mask.input) == ["attention_mask"]
    assert helper.get_node_attr_value(mask, "to") == TensorProto.INT32


def test_sums_outside_the_fused_operators_stay_float32(artifact, batches, run, tmp_path):
    """Mean pooling adds up to 512 tokens."""
    model = read_model(artifact("bert-qa", "onnx-fused-fp16", "mean"))
    sums = [node for node in model.graph.node if node.op_type == "ReduceSum" and "lengths" not in node.name]
    assert sums
    for node in sums:
        model.graph.output.append(helper.make_empty_tensor_value_info(node.output[0]))
    write_model(model, tmp_path)
    (outputs,) = run(tmp_path, batches[:1])
    assert {outputs[node.output[0]].dtype for node in sums} == {np.dtype(np.float32)}
