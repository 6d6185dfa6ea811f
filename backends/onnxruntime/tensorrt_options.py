"""Options of ONNX Runtime's TensorRT provider for an artifact: precision, shapes, and where its engine is kept."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from backends.errors import BackendError
from backends.host import nvidia

Shape = tuple[int, int]

SMALLEST, USUAL = (1, 1), (8, 128)
LONGEST = 512
"""Tokens of the longest input, where the artifact has no manifest that says it."""
TOKENS = 131_072
"""Padded tokens of the largest batch that an engine is built for."""

FLAGS = {"FLOAT16": "trt_fp16_enable", "BFLOAT16": "trt_bf16_enable", "INT8": "trt_int8_enable"}
"""By ONNX's names of element types, the option without which TensorRT 10 does not compute in them."""

PROVIDER = "libonnxruntime_providers_tensorrt.so"
TF32 = "NVIDIA_TF32_OVERRIDE"
"""The environment variable that CUDA's libraries and TensorRT read as they are loaded: 0 keeps FP32 in FP32."""


def needed_tensorrt(package: Path | None = None) -> int | None:
    """The major version of TensorRT that the provider in the folder ``package`` is linked with; None without one.

    The dynamic section names it: ``libnvinfer.so.10``. ``package`` is the installed `onnxruntime` by default.
    """
    if package is None:
        spec = find_spec("onnxruntime")
        if spec is None or spec.origin is None:
            return None
        package = Path(spec.origin).parent
    try:
        with (
            (package / "capi" / PROVIDER).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            match = re.search(rb"\0libnvinfer\.so\.(\d+)\0", content)
            return int(match[1]) if match else None
    except (OSError, ValueError):  # no such file, or an empty one
        return None


def manifest_of(artifact: Path) -> dict[str, Any]:
    """The manifest that an exporter wrote beside the model; empty where there is none."""
    try:
        manifest = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def element_types(graph: Any) -> set[str]:
    """ONNX's names of the types of a graph's weights, and of those that it casts to."""
    from onnx import TensorProto, helper

    casts = (node for node in graph.node if node.op_type == "Cast")
    numbers = {weight.data_type for weight in graph.initializer}
    numbers |= {helper.get_node_attr_value(node, "to") for node in casts}
    return {TensorProto.DataType.Name(number) for number in numbers}


def precision_flags(types: set[str], version: str | None) -> dict[str, str]:
    """The options for a graph of these `element_types`: none for TensorRT 11, whose precision is the graph's.

    With them TensorRT 10 may choose any of the allowed types and float32 for each layer: ONNX Runtime's networks are
    weakly typed.

    Raises `BackendError` for FP8 under TensorRT 10, for which ONNX Runtime's provider has no option.
    """
    if version is not None and int(version.split(".")[0]) >= 11:
        return {}
    if "FLOAT8E4M3FN" in types:
        raise BackendError(
            f"onnxruntime-tensorrt: TensorRT {version or 10} has to be allowed FP8, which ONNX Runtime cannot tell it: "
            "use the format tensorrt-fp8"
        )
    return {option: "1" for name, option in FLAGS.items() if name in types}


def largest_batch(manifest: Mapping[str, Any]) -> Shape:
    """(rows, tokens) of the largest batch: of the model's longest inputs, as many as make `TOKENS`."""
    longest = manifest.get("max_positions") or LONGEST
    return max(1, TOKENS // longest), longest


def profile(names: Sequence[str], largest: Shape) -> dict[str, str]:
    """The shapes of the inputs ``names``; without them, an engine is built anew for every shape not seen before."""
    usual = min(USUAL[0], largest[0]), min(USUAL[1], largest[1])
    shapes = {"min": SMALLEST, "opt": usual, "max": largest}
    return {
        f"trt_profile_{kind}_shapes": ",".join(f"{name}:{rows}x{length}" for name in names)
        for kind, (rows, length) in shapes.items()
    }


def cache_options(manifest: Mapping[str, Any], options: Mapping[str, str], version: str | None) -> dict[str, str]:
    """The options that keep the engine, and TensorRT's timings of kernels, in folders that are made here.

    The engine's is of the artifact, the other ``options`` and ONNX Runtime's version, as its provider knows an engine
    again by the graph's names alone, whatever the weights; both are of the GPU and TensorRT's ``version``. Empty
    without any of them.
    """
    device = nvidia.ask_first_device(
        lambda library, handle: [
            str(library.nvmlDeviceGetName(handle)),
            *library.nvmlDeviceGetCudaComputeCapability(handle),
        ]
    )
    if version is None or device is None or "files" not in manifest:
        return {}
    import onnxruntime

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scalemodel" / "onnxruntime-tensorrt"
    machine = cache / digest_of([version, device, os.environ.get(TF32)])
    engines = machine / digest_of([manifest["files"], options, onnxruntime.__version__])
    engines.mkdir(parents=True, exist_ok=True)
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(engines),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(machine),
    }


def digest_of(value: Any) -> str:
    """Sixteen digits of the SHA-256 of ``value`` in JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def kept_engines(options: Mapping[str, str]) -> list[Path]:
    """The engines that are kept under these ``options``; none where they do not say so."""
    if options.get("trt_engine_cache_enable") != "1":
        return []
    return sorted(Path(options.get("trt_engine_cache_path") or ".").glob("*.engine"))


def engine_digests(options: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of each of the `kept_engines`, by its name."""
    digests = {}
    for path in kept_engines(options):
        with path.open("rb") as file:
            digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
