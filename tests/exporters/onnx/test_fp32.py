"""Attention as transformers 5 writes it takes the form of 4.57, which fuses."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from exporters.errors import ExportError
from exporters.onnx import fused
from exporters.onnx.additive_mask import add_mask
from exporters.onnx.fp32 import state_heads
from exporters.onnx.graph import read_model, write_model


def constant(name: str, value: object, kind: type) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value, dtype=kind)))


@pytest.fixture
def of_transformers_5(artifact, tmp_path):
    """A BERT of two heads that are 16 wide: scores times 0.25, and heads that a reshape has to work out."""
    model = read_model(artifact("bert-qa", "onnx-fp32"))
    nodes = [constant("scale", 0.25, np.float32), constant("unknown", [-1], np.int64), constant("size", [16], np.int64)]
    producer = {name: node for node in model.graph.node for name in node.output}
    changed = 0
    for node in model.graph.node:
        if node.op_type == "Div" and producer[node.input[0]].op_type == "MatMul":
            node.op_type, node.input[1] = "Mul", "scale"
            changed += 1
        if node.op_type == "Concat" and len(node.input) == 4:
            node.input[2:] = ["unknown", "size"]
            changed += 1
        nodes.append(node)
    assert changed == 2 + 6
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    parent, destination = tmp_path / "parent", tmp_path / "fused"
    for folder in (parent, destination):
        folder.mkdir()
    (parent / "tokenizer.json").write_bytes((artifact("bert-qa", "onnx-fp32") / "tokenizer.json").read_bytes())
    return model, parent, destination


def test_as_it_is_nothing_fuses(of_transformers_5):
    model, parent, destination = of_transformers_5
    write_model(model, parent)
    with pytest.raises(ExportError, match="none of the 2 layers"):
        fused.write(parent, destination, layers=2, hidden=32)


def test_every_layer_fuses_and_says_the_same(of_transformers_5, artifact, run, make_batch):
    model, parent, destination = of_transformers_5
    add_mask(model)
    state_heads(model)
    write_model(model, parent)
    assert fused.write(parent, destination, layers=2, hidden=32) == {}
    batch = make_batch(5, 4, 30)
    (expected,) = run(artifact("bert-qa", "onnx-fp32"), [batch])
    for folder in (parent, destination):
        (found,) = run(folder, [batch])
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, atol=1e-4)
