"""What ONNX Runtime's optimiser fuses, layer by layer, and that nothing else changes."""

from __future__ import annotations

import onnx
import pytest

from exporters.errors import ExportError
from exporters.manifest import read_manifest
from exporters.onnx import fused as onnx_fused
from exporters.onnx.graph import read_model, write_model


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("name", ["bert-qa", "distilbert-qa", "bert-classes", "distilbert-classes"])
def test_every_layer_is_fused(name, pooling, artifact):
    manifest = read_manifest(artifact(name, "onnx-fused", pooling))
    assert manifest.fused_operators is not None
    found = {kind: manifest.fused_operators.get(kind, 0) for kind in onnx_fused.expected(2)}
    assert found == {"Attention": 2, "BiasGelu": 2, "SkipLayerNormalization": 4, "EmbedLayerNormalization": 1}
    assert manifest.warnings == []


def test_a_mask_with_holes_is_a_mask(artifact, make_batch, run):
    """Not only the length of a text: any token may be left out."""
    batch = make_batch(3, 4, 20)
    batch["attention_mask"][:, 2] = 0
    (fp32,), (fused,) = (run(artifact("bert-qa", format), [batch]) for format in ("onnx-fp32", "onnx-fused"))
    kept = batch["attention_mask"] == 1
    assert abs(fp32["start_logits"] - fused["start_logits"])[kept].max() < 1e-5


def test_a_lost_fusion_is_told(tmp_path, artifact):
    """One layer's attention reads its scores in a way that no pattern knows."""
    parent, destination = _with_strange_layers(tmp_path, artifact, count=1)
    missing = onnx_fused.write(parent, destination, layers=2, hidden=32)
    assert missing["Attention"] == 1
    assert "1 of 2 Attention were fused" in onnx_fused.warnings(missing, 2)


def test_no_fusion_at_all_is_an_error(tmp_path, artifact):
    parent, destination = _with_strange_layers(tmp_path, artifact, count=2)
    with pytest.raises(ExportError, match="none of the 2 layers"):
        onnx_fused.write(parent, destination, layers=2, hidden=32)
    assert not any(destination.iterdir())


def _with_strange_layers(folder, artifact, count):
    """An FP32 artifact with a needless Abs behind the Softmax of its first ``count`` layers, and an empty folder."""
    model = read_model(artifact("bert-qa", "onnx-fp32"))
    kept = []
    for node in model.graph.node:
        kept.append(node)
        if node.op_type == "Softmax" and count > 0:
            count -= 1
            name = node.output[0]
            node.output[0] = f"{name}/before"
            kept.append(onnx.helper.make_node("Abs", [f"{name}/before"], [name], name=f"{name}/Abs"))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    parent, destination = folder / "parent", folder / "fused"
    parent.mkdir()
    destination.mkdir()
    write_model(model, parent)
    (parent / "tokenizer.json").write_text("{}")
    return parent, destination
