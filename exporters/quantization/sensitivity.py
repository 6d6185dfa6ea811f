"""Sensitivity: how far each group of matmuls, quantized alone, moves the model's outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exporters.onnx.graph import REPRESENTATION
from exporters.quantization.calibration import Batch, run_batches
from exporters.quantization.matmul_groups import OpenedModel
from exporters.quantization.qdq import QuantizedGroup, initializers_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

MULTIPLICATIONS = 4e12
"""Of weights with activations, over all groups, at most: it bounds the tokens for a large model, ..."""
TOKENS = 1024
"""... and this for a small one."""

SWITCHES = "quantized groups"

OUTLIER = 10.0
"""A group is left in float32 when its error is more than this many times the median group's, ..."""
NOTICEABLE = 0.01
"""... moves the logits by more than this share of their variance, ..."""
FLOAT_SHARE = 0.04
"""... and, the worst first, as long as no more than this share of the encoder's weights is left so: in float32 they
take four times as long, so that the whole takes an eighth longer at most."""


@dataclass(frozen=True)
class Sensitivity:
    """Errors are the mean squared difference of the logits from float32, as a share of the logits' variance.

    Of a model without a head they are of its representation.
    """

    rows: int
    tokens: int
    together: float
    """All groups quantized."""
    groups: dict[str, float]
    """Each group quantized alone."""
    left_float: list[str]
    """Groups that the rule of `OUTLIER`, `NOTICEABLE` and `FLOAT_SHARE` leaves in float32."""


def measure(opened: OpenedModel, quantized: Sequence[QuantizedGroup], batches: Sequence[Batch]) -> Sensitivity:
    """Run a model in which each group can be switched, once for each group, on some rows of ``batches``."""
    groups = len(quantized)
    switches = np.concatenate([np.zeros((1, groups)), np.ones((1, groups)), np.eye(groups)]).astype(np.int64)
    rows = _rows(batches, min(TOKENS, MULTIPLICATIONS / len(switches) / sum(_weights(entry) for entry in quantized)))
    model = _switchable(opened, quantized)
    given = [value.name for value in model.graph.output]
    names = [name for name in given if name != REPRESENTATION] or given  # without a head, the representation is all
    feeds = ({**row, SWITCHES: switch} for switch in switches for row in rows)
    results = run_batches(model, opened.folder, names, feeds)

    def logits() -> NDArray[np.float64]:
        """Of the next switch: those of all rows, which have no padding."""
        return np.concatenate([values.ravel() for _ in rows for values in next(results)]).astype(np.float64)

    expected = logits()
    errors = [float(f"{((logits() - expected) ** 2).mean() / expected.var():.3g}") for _ in switches[1:]]
    return Sensitivity(
        rows=len(rows),
        tokens=sum(np.size(row["attention_mask"]) for row in rows),
        together=errors[0],
        groups={entry.group.name: error for entry, error in zip(quantized, errors[1:], strict=True)},
        left_float=_left_float(quantized, errors[1:]),
    )


def _left_float(quantized: Sequence[QuantizedGroup], errors: Sequence[float]) -> list[str]:
    budget = FLOAT_SHARE * sum(_weights(entry) for entry in quantized)
    threshold = max(NOTICEABLE, OUTLIER * float(np.median(errors)))
    left = []
    for error, entry in sorted(zip(errors, quantized, strict=True), key=lambda pair: -pair[0]):
        budget -= _weights(entry)
        if error <= threshold or budget < 0:
            break
        left.append(entry.group.name)
    return left


def _weights(entry: QuantizedGroup) -> int:
    """Numbers in its weights: multiplications for one token."""
    return sum(math.prod(weight.dims) for weight in entry.initializers if len(weight.dims) == 2)


def _rows(batches: Sequence[Batch], tokens: float) -> list[Batch]:
    """Single rows, the first of each batch, then the second, ..., padding cut off, of at most ``tokens`` together.

    At least one; a row that does not fit is cut.
    """
    rows: list[Batch] = []
    for index in range(max(len(batch["attention_mask"]) for batch in batches)):
        for batch in batches:
            if index >= len(batch["attention_mask"]):
                continue
            length = min(int(np.sum(batch["attention_mask"][index])), max(8, int(tokens)))
            if rows and length > tokens:
                return rows
            rows.append({name: np.asarray(array)[index : index + 1, :length] for name, array in batch.items()})
            tokens -= length
    return rows


def _switchable(opened: OpenedModel, quantized: Sequence[QuantizedGroup]) -> ModelProto:
    """The model with one more input, an int64 of 0 or 1 for each group: whether it is quantized."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.ModelProto()
    model.CopyFrom(opened.model)
    graph = model.graph
    graph.input.append(helper.make_tensor_value_info(SWITCHES, TensorProto.INT64, [len(quantized)]))
    graph.initializer.extend(initializers_of(quantized))
    switched: dict[str, list[NodeProto]] = {}
    for index, entry in enumerate(quantized):
        group, name = entry.group, f"{entry.group.name} switch"
        graph.initializer.append(numpy_helper.from_array(np.array(index), f"{name} index"))
        switched[group.matmuls[0].name] = [
            helper.make_node("Gather", [SWITCHES, f"{name} index"], [f"{name} number"], f"{name} number"),
            helper.make_node("Cast", [f"{name} number"], [name], name, to=TensorProto.BOOL),
            helper.make_node(
                "If",
                [name],
                group.outputs,
                f"{name} if",
                then_branch=_branch(entry.nodes, group.outputs, f"{name} on"),
                else_branch=_branch(group.matmuls, group.outputs, f"{name} off"),
            ),
        ]
    replaced = {node.name for entry in quantized for node in entry.group.matmuls}
    nodes = [
        node for old in graph.node for node in switched.get(old.name, []) or ([] if old.name in replaced else [old])
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _branch(nodes: Sequence[NodeProto], outputs: Sequence[str], name: str) -> GraphProto:
    """``nodes`` as the branch of an If; its outputs need names that the graph around does not have."""
    import onnx
    from onnx import TensorProto, helper

    copies = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.output[:] = [f"{output} {name}" if output in outputs else output for output in copy.output]
        copies.append(copy)
    results = [helper.make_tensor_value_info(f"{output} {name}", TensorProto.FLOAT, None) for output in outputs]
    return helper.make_graph(copies, name, [], results)
