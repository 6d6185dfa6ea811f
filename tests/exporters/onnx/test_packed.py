"""The fused graph in packing mode: its structure, and what it computes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from exporters.errors import ExportError
from exporters.formats import FORMATS
from exporters.manifest import read_manifest
from exporters.onnx import packed as onnx_packed
from exporters.onnx.graph import read_model, write_model
from tests.exporters.packing_functions import with_packing_functions

NAMES = ("bert-qa", "distilbert-qa", "bert-classes", "distilbert-classes")


@pytest.mark.parametrize("name", NAMES)
def test_tokens_are_packed_from_the_embeddings_to_the_last_layer(name, artifact):
    folder = artifact(name, "onnx-packed")
    nodes = {node.name: node for node in read_model(folder, weights=False).graph.node}
    counts = Counter(node.op_type for node in nodes.values())
    assert [counts[kind] for kind in ("RemovePadding", "PackedAttention", "RestorePadding", "Attention")] == [
        1,
        2,
        1,
        0,
    ]
    by_output = {output: node for node in nodes.values() for output in node.output}
    (remove,) = (node for node in nodes.values() if node.op_type == "RemovePadding")
    (restore,) = (node for node in nodes.values() if node.op_type == "RestorePadding")
    assert by_output[remove.input[0]].op_type == "EmbedLayerNormalization"
    assert by_output[remove.input[1]].op_type == "ReduceSum"  # lengths, not the mask
    assert by_output[restore.input[0]].op_type == "SkipLayerNormalization"
    assert restore.input[1] == remove.output[1]
    readers = {node.op_type for node in nodes.values() if remove.output[0] in node.input}
    assert readers == {"PackedAttention", "SkipLayerNormalization"}
    fused = read_manifest(folder).fused_operators
    assert fused is not None
    assert fused["PackedAttention"] == 2 and fused["BiasGelu"] == 2 and "Attention" not in fused


@pytest.mark.parametrize(("suffix", "tolerance"), [("", 1e-5), ("-fp16", 0.02)])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("name", NAMES)
def test_computes_what_the_fused_graph_computes(name, pooling, suffix, tolerance, tmp_path, artifact, batches, run):
    write_model(with_packing_functions(read_model(artifact(name, f"onnx-packed{suffix}", pooling))), tmp_path)
    expected = run(artifact(name, f"onnx-fused{suffix}", pooling), batches)
    for batch, fused, packed in zip(batches, expected, run(tmp_path, batches), strict=True):
        tokens = batch["attention_mask"] == 1
        assert not tokens.all()  # there is padding to leave out
        for output, array in fused.items():
            told = tokens if output in ("start_logits", "end_logits") else slice(None)
            np.testing.assert_allclose(packed[output][told], array[told], atol=tolerance)


def test_a_layer_that_did_not_fuse_is_an_error(tmp_path, artifact):
    parent, destination = tmp_path / "fused", tmp_path / "packed"
    parent.mkdir()
    destination.mkdir()
    model = read_model(artifact("bert-qa", "onnx-fused"))
    next(node for node in model.graph.node if node.op_type == "Attention").op_type = "Strange"
    write_model(model, parent)
    with pytest.raises(ExportError, match=r"1 of 2 layers of .* use onnx-fused"):
        onnx_packed.write(parent, destination, layers=2)
    assert not any(destination.iterdir())


def test_is_made_of_the_fused_graph():
    assert FORMATS["onnx-packed"].parent == "onnx-fused"
    assert FORMATS["onnx-packed-fp16"].parent == "onnx-packed"
