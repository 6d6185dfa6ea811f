"""ONNX Runtime's own operators that OpenVINO computes as ONNX Runtime does, measured one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto

DOMAIN = "com.microsoft"
SAME = frozenset(
    {
        "Attention",
        "BiasGelu",
        "EmbedLayerNormalization",
        "FastGelu",
        "FusedGemm",
        "FusedMatMul",
        "Gelu",
        "MatMulNBits",
        "MultiHeadAttention",
        "QuickGelu",
        "RotaryEmbedding",
        "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization",
    }
)
"""With OpenVINO 2026.4; see `_otherwise` for the attributes with which they are not. `DynamicQuantizeMatMul` and
`MatMulIntegerToFloat` are off by as much as their outputs vary."""

MASKED = -10_000.0
"""What ONNX Runtime adds to the scores of masked tokens; OpenVINO the least float, whatever the attribute says."""


def computed_otherwise(model: Path) -> list[str]:
    """The operators of ONNX Runtime's own in the graph of ``model`` that are not known to be the same, each once."""
    import onnx

    graph = onnx.load(str(model), load_external_data=False).graph
    return sorted({why for node in graph.node if node.domain == DOMAIN and (why := _otherwise(node)) is not None})


def _otherwise(node: NodeProto) -> str | None:
    from onnx.helper import get_attribute_value

    given = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type not in SAME:
        return node.op_type
    if node.op_type == "FusedGemm" and (activation := given["activation"].decode()) not in ("Relu", "LeakyRelu"):
        return f"FusedGemm with {activation}"
    if node.op_type == "Attention":
        if given.get("scale"):
            return "Attention with a scale"
        if given.get("mask_filter_value", MASKED) > MASKED:
            return "Attention with a mask_filter_value"
    return None
