"""``onnx-fp32``: a traced checkpoint, with the representation as one more output.

The graph stays as the exporter writes it, in standard ONNX operators: once loaded, ONNX Runtime is as fast on
it as on one fused beforehand, and OpenVINO and TensorRT read it too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.checkpoint import load_model
from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.onnx.additive_mask import add_mask
from exporters.onnx.branches import decide_branches
from exporters.onnx.graph import REPRESENTATION, fold_identities, keep_outputs, write_model
from exporters.onnx.heads import state_heads
from exporters.onnx.trace import export_with_output
from exporters.pooling import pool
from exporters.tasks import TASKS


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
