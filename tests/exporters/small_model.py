"""The smallest ONNX file that is a text classifier."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def small_model(
    path: Path,
    inputs: tuple[str, ...] = ("input_ids", "attention_mask"),
    kind: int = TensorProto.INT64,
    around: bool = False,
    normalised_head: bool = False,
    random: bool = False,
    not_finite: bool = False,
    rows: int = 120,
    classes: int = 3,
) -> None:
    """Embeddings, a normalisation ("states"), and ``classes`` of the tokens' mean.

    ``around``: the logits see the embeddings past the normalisation too. ``normalised_head``: the mean is normalised
    once more. ``random``: something random is added to the mean. ``not_finite``: the logits are NaN.
    """
    generator = np.random.default_rng(0)
    weights = {
        "words": generator.normal(size=(rows, 8)),
        "places": generator.normal(size=(64, 8)),
        "scale": generator.normal(size=8),
        "classes": generator.normal(size=(8, classes)),
        "ten": np.array(10),
    }
    make = helper.make_node
    nodes = [make("Gather", ["words", "input_ids"], ["embedded"])]
    before = "embedded"
    if "position_ids" in inputs:
        nodes += [
            make("Gather", ["places", "position_ids"], ["placed"]),
            make("Add", ["embedded", "placed"], ["sum"]),
        ]
        before = "sum"
    nodes += [
        make("LayerNormalization", [before, "scale"], ["states"]),
        make("Add", ["states", before], ["passed"]) if around else make("Identity", ["states"], ["passed"]),
        make("ReduceMean", ["passed"], ["text"], axes=[1], keepdims=0),
        make("LayerNormalization", ["text", "scale"], ["head"])
        if normalised_head
        else make("Tanh", ["text"], ["head"]),
    ]
    head = "head"
    if random:
        nodes += [make("RandomNormalLike", ["head"], ["noise"]), make("Add", ["head", "noise"], ["noisy"])]
        head = "noisy"
    if not_finite:
        nodes += [make("Sub", [head, "ten"], ["negative"]), make("Log", ["negative"], ["nan"])]
        head = "nan"
    nodes.append(make("MatMul", [head, "classes"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, kind, ["batch", "length"]) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
