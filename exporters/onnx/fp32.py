"""``onnx-fp32``: a traced checkpoint, with the representation as one more output.

The graph stays as the exporter writes it, in standard ONNX operators: once loaded, ONNX Runtime is as fast on
it as on one fused beforehand, and OpenVINO and TensorRT read it too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.checkpoint import load_model
from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.onnx.additive_mask import add_mask
from exporters.onnx.branches import decide_branches
from exporters.onnx.graph import (
    REPRESENTATION,
    constant_of,
    drop_unused,
    fold_identities,
    keep_outputs,
    producers,
    write_model,
)
from exporters.onnx.trace import export_with_output
from exporters.pooling import pool
from exporters.tasks import TASKS

if TYPE_CHECKING:
    from onnx import ModelProto


def state_heads(model: ModelProto) -> None:
    """Write, in the shapes (batch, sequence, -1, size) of queries, keys and values, the attention heads for the -1.

    transformers 5 leaves their number to the reshape, and no converter works it out.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    producer = producers(graph)
    widths = {weight.name: weight.dims[0] for weight in graph.initializer if len(weight.dims) == 1}

    for reshape in [node for node in graph.node if node.op_type == "Reshape"]:
        added, shape = (producer.get(name) for name in reshape.input)
        if added is None or added.op_type != "Add" or shape is None or shape.op_type != "Concat":
            continue
        width = next((widths[name] for name in added.input if name in widths), None)
        parts = [constant_of(producer.get(name)) for name in shape.input]
        if width is None or len(parts) != 4 or parts[2] is None or parts[3] is None or parts[2].tolist() != [-1]:
            continue
        # No weight: where weights lie beside the file, ONNX Runtime reads no shape from them.
        heads = f"{shape.name}/heads"
        value = numpy_helper.from_array(width // parts[3])
        graph.node.insert(0, helper.make_node("Constant", [], [heads], name=heads, value=value))
        shape.input[2] = heads
    drop_unused(graph)


def write(checkpoint: Path, destination: Path, *, task: str, pooling: str) -> None:
    """Export ``checkpoint`` to ``destination/model.onnx`` in float32, with dynamic batch and sequence.

    Raises `ExportError` for an architecture that is not exported.
    """
    import onnx

    # Eager attention: its scale folds into the product; an SDPA export scales queries and keys apart.
    model = load_model(checkpoint, task=task, attention="eager")
    with tempfile.TemporaryDirectory(dir=destination, prefix=".export-") as scratch:
        raw = Path(scratch) / "raw.onnx"
        export_with_output(
            model,
            raw,
            task=TASKS[task].exported_as,
            output=REPRESENTATION,
            axes={0: "batch_size"},
            made_of=lambda states, mask: pool(states, mask, pooling),
            otherwise="use torch-fp32",
        )
        del model
        graph = onnx.load(str(raw))
    keep_outputs(graph.graph, (*TASKS[task].outputs, REPRESENTATION))
    decide_branches(graph)
    fold_identities(graph)
    add_mask(graph)
    state_heads(graph)
    write_model(graph, destination)
    copy_tokenizer(checkpoint, destination)


def _export(job: Job) -> Mapping[str, Any]:
    write(job.source, job.destination, task=job.task, pooling=job.pooling)
    return {}


FORMAT = Format(
    "onnx-fp32",
    family="onnx",
    precision="fp32",
    arithmetic="fp32",
    summary="the exported graph, in standard ONNX operators",
    write=_export,
)
