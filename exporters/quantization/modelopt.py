"""``onnx-fp8`` and ``onnx-int8-modelopt``: quantized by NVIDIA's ModelOpt, for TensorRT."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from exporters.errors import ExportError, one_line
from exporters.files import copy_tokenizer
from exporters.format import Format, Job
from exporters.manifest import library_versions
from exporters.onnx.graph import EXTERNAL, MODEL, drop_unused, head, read_model, write_model
from exporters.onnx.graph_facts import graph_facts, matmuls_by_type
from exporters.quantization import calibration as calibrations
from exporters.quantization.calibration import METHODS, Batch, feeds, rows
from exporters.quantization.modelopt_process import Row, save_rows

if TYPE_CHECKING:
    from onnx import ModelProto

PACKAGES = ("nvidia-modelopt", "onnx-graphsurgeon", "onnxslim", "onnxscript", "lief")
"""The distributions of the extra ``modelopt``: what ModelOpt's ONNX part imports. Its own extra ``onnx`` is not used,
which asks for versions of onnx and onnxruntime older than ours."""

SMALLEST_NORMAL = 2.0**-6
"""Of E4M3: below it, a number has fewer than four digits."""

CALIBRATION_METHODS = METHODS[:1]
"""ModelOpt derives its scales for FP8 from those for INT8, which it says holds for least and greatest value alone."""


def write(
    parent: Path, destination: Path, calibration: Sequence[Batch], *, mode: Literal["fp8", "int8"]
) -> dict[str, Any]:
    """Convert the ``onnx-fp32`` artifact ``parent``, calibrated on the least and greatest values in ``calibration``.

    ModelOpt chooses what is quantized: the matmuls with weights, and those of attention where heads and texts are
    large enough for a kernel (16 and more). The head is kept from it, and its conversion to half precision is not
    used: it has no place for the mask's -3.4e38, and BERT's logits come out 3 to 6 times their spread away.

    Returns fields of the manifest: matmuls by type, nodes of quantization and weights by type, and for FP8 what
    rounding did to the weights.
    """
    inputs, excluded = _inputs_and_head(parent)
    settings = {
        "quantize_mode": mode,
        "calibration_method": "max",
        "high_precision_dtype": "fp32",
        "dq_only": True,  # weights are stored in 8 bits
        "nodes_to_exclude": [f"{re.escape(name)}$" for name in excluded],
        "use_external_data_format": (parent / EXTERNAL).is_file(),
    }
    # By its first row ModelOpt tells which matmuls are too small: the longest.
    calibrated = sorted((feeds(row, inputs) for row in rows(calibration)), key=_tokens, reverse=True)
    with tempfile.TemporaryDirectory(dir=destination, prefix=".export-") as scratch:
        before, after = Path(scratch) / "before", Path(scratch) / "after"
        before.mkdir()
        after.mkdir()
        for name in (MODEL, EXTERNAL):
            if (parent / name).is_file():
                shutil.copyfile(parent / name, before / name)  # a link would not do: ModelOpt writes into its input
        save_rows(calibrated, before / "rows.npz")
        _quantize(before, after, json.dumps(settings), str(parent))
        model = read_model(after)
    drop_unused(model.graph)
    write_model(model, destination)
    copy_tokenizer(parent, destination)
    facts = graph_facts(model)
    counts = {
        "matmuls": matmuls_by_type(model.graph),
        "quantization": facts.quantization,
        "weights": facts.weights,
    }
    return {"found": counts, "rounding": _rounding(parent, model) if mode == "fp8" else None}


def _inputs_and_head(parent: Path) -> tuple[list[str], list[str]]:
    """By name; the graph itself, which may hold gigabytes of weights, is let go of."""
    graph = read_model(parent, weights=False).graph
    return [value.name for value in graph.input], head(graph)


def _rounding(parent: Path, model: ModelProto) -> dict[str, int]:
    """What E4M3 did to the weights, in the words of `exporters.onnx.fp16.Rounding`."""
    from onnx import numpy_helper

    before = {weight.name: weight for weight in read_model(parent).graph.initializer}
    counts = dict.fromkeys(("converted", "overflow", "underflow", "subnormal"), 0)
    for weight in model.graph.initializer:
        if weight.data_type == weight.FLOAT8E4M3FN and weight.name in before:
            exact = numpy_helper.to_array(before[weight.name])
            size = np.abs(numpy_helper.to_array(weight).astype(np.float32))
            counts["converted"] += size.size
            counts["overflow"] += int(np.isnan(size).sum())
            counts["underflow"] += int(((size == 0) & (exact != 0)).sum())
            counts["subnormal"] += int(((size > 0) & (size < SMALLEST_NORMAL)).sum())
    return counts


def _tokens(row: Row) -> int:
    return int(row["input_ids"].shape[1])


def _quantize(before: Path, after: Path, settings: str, what: str) -> None:
    """Run `exporters.quantization.modelopt_process`, which ends when this process does, however it ends."""
    arguments = [str(before / MODEL), str(before / "rows.npz"), str(after / MODEL), settings]
    ends, kept = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "exporters.quantization.modelopt_process", *arguments],
            stdin=ends,
            capture_output=True,
            text=True,
            env={**os.environ, "TMPDIR": str(before), "PYTHONSAFEPATH": "1"},
        )
    finally:
        os.close(ends)
        os.close(kept)
    if done.returncode != 0 or not (after / MODEL).is_file():
        reason = next(reversed(done.stderr.strip().splitlines()), f"its process ended with {done.returncode}")
        if done.returncode < 0:
            reason = f"its process was ended by signal {-done.returncode}; was there enough memory?"
        raise ExportError(f"ModelOpt {metadata.version(PACKAGES[0])} cannot quantize {what}: {one_line(reason)}")


def _export_int8(job: Job) -> Mapping[str, Any]:
    return _export(INT8, job, mode="int8")


def _export_fp8(job: Job) -> Mapping[str, Any]:
    return _export(FP8, job, mode="fp8")


def _export(format: Format, job: Job, *, mode: Literal["fp8", "int8"]) -> Mapping[str, Any]:
    method = job.calibration_method
    batches = calibrations.check(format.name, job.calibration, method, CALIBRATION_METHODS)
    return {
        **write(job.source, job.destination, batches, mode=mode),
        "calibration": calibrations.describe(batches, method),
        "warnings": calibrations.warnings(batches),
        "versions": {**library_versions(), **{package: metadata.version(package) for package in PACKAGES}},
    }


INT8 = Format(
    "onnx-int8-modelopt",
    family="onnx",
    parent="onnx-fp32",
    precision="int8",
    arithmetic="int8 weights, int8 activations",
    summary="the same as NVIDIA's ModelOpt does it, attention included; for TensorRT",
    write=_export_int8,
    isa_dependent=True,
    needs_calibration=True,
    calibration_methods=CALIBRATION_METHODS,
    packages=PACKAGES,
)
FP8 = Format(
    "onnx-fp8",
    family="onnx",
    parent="onnx-fp32",
    precision="fp8",
    arithmetic="fp8 weights, fp8 activations (E4M3)",
    summary="8-bit floats for weights and activations (QDQ), by NVIDIA's ModelOpt; for TensorRT",
    write=_export_fp8,
    isa_dependent=True,
    needs_calibration=True,
    calibration_methods=CALIBRATION_METHODS,
    packages=PACKAGES,
)
