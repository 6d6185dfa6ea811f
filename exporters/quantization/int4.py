"""``onnx-int4``: the encoder's weights in 4 bits, by blocks of one scale each; activations and all else in float32."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.onnx.graph import encoder_matmuls, read_model, write_model

BLOCK = 32
"""Weights of one scale: 4.5 bits a weight with a float16 scale in hardware terms, 5 bits with the float32 one here."""

ACCURACY_LEVEL = 4
"""What ``MatMulNBits`` may compute in: 4 is INT8 activations, by blocks as well, which VNNI multiplies."""


def write(parent: Path, destination: Path) -> None:
    """Convert the ``onnx-fp32`` artifact ``parent``: the encoder's matmuls with weights become ``MatMulNBits``.

    Weights are rounded to the nearest of 16 steps, symmetric around 0; the head and the embeddings keep theirs.
    """
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    model = read_model(parent)
    chosen = set(encoder_matmuls(model.graph))
    quantizer = MatMulNBitsQuantizer(
        model,
        bits=4,
        block_size=BLOCK,
        is_symmetric=True,
        accuracy_level=ACCURACY_LEVEL,
        nodes_to_exclude=[node.name for node in model.graph.node if node.name not in chosen],
    )
    del model
    logging.getLogger("onnxruntime.quantization.matmul_nbits_quantizer").setLevel(logging.WARNING)
    quantizer.process()
    write_model(quantizer.model.model, destination)
    copy_tokenizer(parent, destination)


def _export(job: Job) -> Mapping[str, Any]:
    write(job.source, job.destination)
    return {}


FORMAT = Format(
    "onnx-int4",
    family="onnx",
    parent="onnx-fp32",
    precision="int4",
    arithmetic="int4 weights by blocks of 32, the rest fp32",
    summary="4-bit weights by blocks of one scale each (MatMulNBits), for CPUs",
    write=_export,
    scales_at_run_time=True,
)
