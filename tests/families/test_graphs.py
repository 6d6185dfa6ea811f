"""What is in the graphs of architectures whose difficulties BERT has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from exporters.artifact import export, require_loadable
from exporters.errors import ExportError
from exporters.formats import FORMATS
from exporters.onnx.graph import behind_mask, encoder_matmuls, position_arithmetic, read_model
from tests.families.checkpoints import write_checkpoint
from tests.shared import shared_folder

Artifact = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """``artifact(family, format)``, exported once a session."""

    def get(name: str, format: str) -> Path:
        parent = FORMATS[format].parent
        if parent is None:
            source = shared_folder(tmp_path_factory, f"family-{name}", partial(write_checkpoint, name))
        else:
            source = get(name, parent)
        return shared_folder(tmp_path_factory, f"family-{name}-{format}", partial(_export, format, source))

    return get


def _export(format: str, source: Path, folder: Path) -> None:
    mask = (np.arange(40) < np.array([[40], [9], [20]])).astype(np.int64)
    ids = np.random.default_rng(0).integers(5, 40, mask.shape) * mask
    batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
    export(format, source, folder, task="text-classification", pooling="mean", calibration=[batch])


@pytest.mark.parametrize("format", ["onnx-fp16", pytest.param("onnx-bf16", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "operators"), [("deberta-v3", ("Log", "Ceil")), ("mpnet", ("Log",)), ("modernbert", ("Sin", "Cos"))]
)
def test_positions_stay_in_float32(name: str, operators: tuple[str, ...], format: str, artifact: Artifact) -> None:
    typed = onnx.shape_inference.infer_shapes(read_model(artifact(name, format)), check_type=True)
    kinds = {value.name: value.type.tensor_type.elem_type for value in typed.graph.value_info}
    found = [node for node in typed.graph.node if node.op_type in operators]
    assert {node.op_type for node in found} == set(operators)
    assert {kinds[node.output[0]] for node in found} == {TensorProto.FLOAT}
    products = {node.name: kinds[node.output[0]] for node in typed.graph.node if node.op_type == "MatMul"}
    half = sum(kind in (TensorProto.FLOAT16, TensorProto.BFLOAT16) for kind in products.values())
    assert half >= len(products) - 2  # rotations are products of positions, and float32


def test_buckets_are_the_same_in_half_precision(artifact: Artifact) -> None:
    """At distances at which half precision rounds to the next bucket."""
    import onnxruntime

    found = []
    for format in ("onnx-fp32", "onnx-fp16"):
        model = read_model(artifact("mpnet", format))
        logarithm = next(node for node in model.graph.node if node.op_type == "Log")
        readers = {name: node for node in model.graph.node for name in node.input}
        name = logarithm.output[0]
        while readers[name].op_type != "Cast" or _target(readers[name]) != TensorProto.INT64:
            name = readers[name].output[0]
        bucket = readers[name].output[0]
        model.graph.output.append(helper.make_tensor_value_info(bucket, TensorProto.INT64, None))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        ids = np.full((1, 60), 7, np.int64)
        found.append(session.run([bucket], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0])
    np.testing.assert_array_equal(*found)
    assert len(np.unique(found[0])) > 4


@pytest.mark.slow
def test_an_encoder_takes_no_branch(artifact: Artifact) -> None:
    graph = read_model(artifact("deberta-v3", "onnx-fp32")).graph
    assert not any(node.op_type == "If" for node in graph.node)
    assert {"Log", "Ceil", "Sign"} <= {
        node.op_type for node in graph.node if node.name in set(position_arithmetic(graph))
    }
    masked = {node.op_type for node in graph.node if node.name in set(behind_mask(graph))}
    assert "Softmax" in masked and "Erf" not in masked  # the mask on the embeddings does not make the encoder float32


def test_products_of_weights_alone_are_not_quantized(artifact: Artifact) -> None:
    names = encoder_matmuls(read_model(artifact("deberta-v3", "onnx-fp32")).graph)
    assert len(names) == 2 * 6
    assert not any("proj_1" in name for name in names)


def test_layers_that_share_weights_share_their_8_bits(artifact: Artifact) -> None:
    graph = read_model(artifact("albert", "onnx-int8-static")).graph
    products = [node for node in graph.node if node.op_type == "MatMul" and "albert_layers" in node.name]
    with_weights = [node for node in products if "restored" in node.input[1]]
    assert len(with_weights) == 2 * 6
    assert len({node.input[1] for node in with_weights}) == 6
    assert max(Counter(node.name for node in graph.node).values()) == 1


def test_the_attention_of_layers_that_share_weights_fuses(artifact: Artifact) -> None:
    graph = read_model(artifact("albert", "onnx-fused")).graph
    assert sum(node.op_type == "Attention" for node in graph.node) == 2


def test_a_format_that_is_not_made_of_an_architecture(artifact: Artifact, tmp_path: Path) -> None:
    source = artifact("mpnet", "onnx-fp32")
    with pytest.raises(
        ExportError, match=r"onnx-fused is not made of mpnet: .* bias of relative positions; use onnx-fp32"
    ):
        export("onnx-fused", source, tmp_path, task="text-classification", pooling="mean")
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_does_not_load_is_no_artifact(tmp_path: Path) -> None:
    """Types that do not go together, as a converter may leave them."""
    values = [helper.make_tensor_value_info(name, kind, [2]) for name, kind in zip("abc", (1, 10, 1), strict=True)]
    graph = helper.make_graph([helper.make_node("Div", ["a", "b"], ["c"], "ratio")], "wrong", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ExportError, match=r"onnx-fp16 does not load .*Div.*use another format") as caught:
        require_loadable(tmp_path / "model.onnx", "onnx-fp16")
    assert len(str(caught.value).splitlines()) == 1


def _target(node: onnx.NodeProto) -> int:
    return int(helper.get_node_attr_value(node, "to"))
