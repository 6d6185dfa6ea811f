"""The fused graph in packing mode: its structure, and what it computes.

ONNX Runtime has the three packing operators for CUDA alone, so they stand here as functions of standard operators,
written after their documentation (docs/ContribOperators.md of ONNX Runtime); all others are the real ones.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest

from exporters.errors import ExportError
from exporters.formats import FORMATS
from exporters.manifest import read_manifest
from exporters.onnx import packed as onnx_packed
from exporters.onnx.graph import read_model, write_model

NAMES = ("bert-qa", "distilbert-qa", "bert-classes", "distilbert-classes")
PACKING = ("RemovePadding", "RestorePadding", "PackedAttention")
OPSETS = 'opset_import: ["": 17, "com.microsoft": 1, "padded": 1]'
# token_offset (batch, sequence): flat places of the tokens, then those of the padding.
FUNCTIONS = (
    """RemovePadding (input, lengths) => (output, token_offset, cumulated, longest)
    {
        shape = Shape <end: int = 2> (input)
        zero = Constant <value: tensor = int64 {0}> ()
        one = Constant <value: tensor = int64 {1}> ()
        axis = Constant <value: tensor = int64[1] {1}> ()
        flat = Constant <value: tensor = int64[1] {-1}> ()
        width = Shape <start: int = 2> (input)
        sequence = Gather (shape, one)
        places = Range (zero, sequence, one)
        long = Cast <to: int = 7> (lengths)
        column = Unsqueeze (long, axis)
        is_token = Less (places, column)
        is_token_flat = Reshape (is_token, flat)
        is_padding = Not (is_token_flat)
        first = Constant <value: tensor = int64[1] {0}> ()
        token_places = NonZero (is_token_flat)
        padding_places = NonZero (is_padding)
        tokens = Squeeze (token_places, first)
        paddings = Squeeze (padding_places, first)
        order = Concat <axis: int = 0> (tokens, paddings)
        ordered = Reshape (order, shape)
        token_offset = Cast <to: int = 6> (ordered)
        rows = Concat <axis: int = 0> (flat, width)
        lines = Reshape (input, rows)
        output = Gather (lines, tokens)
        ends = CumSum (lengths, zero)
        start = Constant <value: tensor = int32[1] {0}> ()
        cumulated = Concat <axis: int = 0> (start, ends)
        longest = ReduceMax <keepdims: int = 1> (lengths)
    }""",
    """RestorePadding (input, token_offset) => (output)
    {
        shape = Shape (token_offset)
        width = Shape <start: int = 1> (input)
        count = Shape <end: int = 1> (input)
        first = Constant <value: tensor = int64[1] {0}> ()
        flat = Constant <value: tensor = int64[1] {-1}> ()
        axis = Constant <value: tensor = int64[1] {1}> ()
        offsets = Reshape (token_offset, flat)
        tokens = Slice (offsets, first, count)
        long = Cast <to: int = 7> (tokens)
        places = Unsqueeze (long, axis)
        size = Size (token_offset)
        size_line = Reshape (size, flat)
        all = Concat <axis: int = 0> (size_line, width)
        zeros_float = ConstantOfShape (all)
        zeros = CastLike (zeros_float, input)
        lines = ScatterND (zeros, places, input)
        padded = Concat <axis: int = 0> (shape, width)
        output = Reshape (lines, padded)
    }""",
    """PackedAttention <num_heads> (input, weights, bias, token_offset, cumulated, unused) => (output)
    {
        padded = padded.RestorePadding (input, token_offset)
        first = Constant <value: tensor = int64[1] {0}> ()
        second = Constant <value: tensor = int64[1] {1}> ()
        last = Constant <value: tensor = int64[1] {-1}> ()
        far = Constant <value: tensor = int64[1] {1000000}> ()
        starts = Slice (cumulated, first, last)
        ends = Slice (cumulated, second, far)
        lengths = Sub (ends, starts)
        answer = com.microsoft.Attention <num_heads: int = @num_heads> (padded, weights, bias, lengths)
        answer_width = Shape <start: int = 2> (answer)
        rows = Concat <axis: int = 0> (last, answer_width)
        lines = Reshape (answer, rows)
        count = Shape <end: int = 1> (input)
        offsets = Reshape (token_offset, last)
        tokens = Slice (offsets, first, count)
        output = Gather (lines, tokens)
    }""",
)


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
    write_model(_with_functions(read_model(artifact(name, f"onnx-packed{suffix}", pooling))), tmp_path)
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


def _with_functions(model):
    """The packing operators as the functions above, in a domain of their own: ONNX Runtime knows theirs."""
    for node in model.graph.node:
        if node.op_type in PACKING:
            node.domain = "padded"
    model.opset_import.append(onnx.helper.make_opsetid("padded", 1))
    for text in FUNCTIONS:
        function = onnx.parser.parse_function(f'<domain: "padded", {OPSETS}> {text}')
        model.functions.append(function)
    return model
