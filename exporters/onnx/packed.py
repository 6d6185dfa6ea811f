"""``onnx-packed``: the fused graph without padding, a batch's tokens one after another through all layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.errors import ExportError
from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.manifest import read_manifest
from exporters.onnx.fused import quiet
from exporters.onnx.graph import read_model, write_model

if TYPE_CHECKING:
    from onnx import ModelProto

MASK = 3
"""The mask's place among the inputs of ``Attention``."""


def write(parent: Path, destination: Path, *, layers: int) -> None:
    """Convert the ``onnx-fused`` artifact ``parent``, an encoder of ``layers``.

    ``RemovePadding`` stands behind the embeddings and ``RestorePadding`` behind the last layer, with zeros where
    padding was. Padding is what lies behind a text's length, the sum of its mask: a mask with holes is not told from
    one without. Raises `ExportError` for an encoder whose attention did not fuse in every layer.
    """
    model = read_model(parent)
    attention_count = _attentions(model)
    if attention_count != layers:
        raise ExportError(
            f"{attention_count} of {layers} layers of {parent} have a fused attention: all must to be packed, use "
            "onnx-fused"
        )
    give_lengths(model)
    packed = _pack(model)
    counts = Counter(node.op_type for node in packed.graph.node)
    wanted = {"Attention": 0, "PackedAttention": layers, "RemovePadding": 1, "RestorePadding": 1}
    if any(counts[name] != count for name, count in wanted.items()):
        raise ExportError(f"{parent} has an attention that ONNX Runtime cannot pack: use onnx-fused")
    write_model(packed, destination)
    copy_tokenizer(parent, destination)


def _attentions(model: ModelProto) -> int:
    return sum(node.op_type == "Attention" for node in model.graph.node)


def give_lengths(model: ModelProto) -> None:
    """Let attention read lengths, int32 (batch), instead of the mask: what ``RemovePadding`` is given.

    Padding is then what lies behind a text's length.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    lengths: dict[str, str] = {}
    for node in model.graph.node:
        if node.op_type == "Attention":
            lengths.setdefault(node.input[MASK], f"{node.input[MASK]}_lengths")
            node.input[MASK] = lengths[node.input[MASK]]
    axes = numpy_helper.from_array(np.array([1], np.int64), "lengths_axes")
    model.graph.initializer.append(axes)
    for mask, length in lengths.items():
        model.graph.node.append(
            helper.make_node("ReduceSum", [mask, axes.name], [length], name=f"ReduceSum_{length}", keepdims=0)
        )


def _pack(model: ModelProto) -> ModelProto:
    import onnxruntime.transformers  # noqa: F401  (the next module finds its siblings by it)
    from onnxruntime.transformers.convert_to_packing_mode import PackingMode
    from onnxruntime.transformers.onnx_model import OnnxModel

    wrapped = OnnxModel(model)
    with quiet():
        PackingMode(wrapped).convert(use_symbolic_shape_infer=False)  # it would copy the model, for nothing to find
        wrapped.topological_sort(is_deterministic=True)
    return wrapped.model  # type: ignore[no-any-return]


def _export(job: Job) -> Mapping[str, Any]:
    layers = read_manifest(job.source).layers
    if layers is None:
        raise ExportError(f"{job.source} does not say how many layers it has: export it again")
    write(job.source, job.destination, layers=layers)
    return {}


FORMAT = Format(
    "onnx-packed",
    family="onnx",
    parent="onnx-fused",
    precision="fp32",
    arithmetic="fp32",
    summary="the fused graph without padding, for ONNX Runtime with CUDA alone",
    write=_export,
)
