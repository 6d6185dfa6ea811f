"""``tensorrt-*``: an engine, built on the machine that runs it from an ONNX artifact, by Polygraphy.

The network is strongly typed: the precision is that of the ONNX file's own types and quantization nodes, which is the
one way that TensorRT 11 has left and TensorRT 10 has too. Two builds of one file differ: the manifest has the engine's
hash, and `LAYERS` what the engine inspector says of this one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from exporters.errors import ExportError, one_line
from exporters.files import copy_tokenizer, require
from exporters.onnx.graph import MODEL

ENGINE = "model.engine"
LAYERS = "layers.json"

TOKENS = 16_384
"""Padded tokens of the largest batch that a profile is made for: a study's own on a GPU. Larger ones run in parts."""
TUNED_TOKENS = 4096
"""Padded tokens of the batches for which the kernels are timed: those that fill a GPU serve larger ones too."""
BOUNDS = (64, 128, 256, 512, 1024, 2048, 4096)
"""Longest inputs of the profiles for batches, in tokens."""
USUAL = 128
"""Tokens for which the profile of single requests is tuned."""
FP8_SINCE = (8, 9)
"""Compute capability of the first GPUs with matmuls in FP8: Ada's. Hopper's is 9.0."""

Shape = tuple[int, int]


@dataclass(frozen=True)
class Profile:
    """Shapes (batch, length) between which an engine runs, and the one that its kernels are timed for."""

    smallest: Shape
    usual: Shape
    largest: Shape


def profiles(longest: int) -> list[Profile]:
    """Narrow profiles for inputs of up to ``longest`` tokens.

    The first is for single requests of any length; the others, for batches, part the lengths at `BOUNDS`. One wide
    profile would choose its kernels for a shape that few batches have.
    """
    if longest < 1:
        raise ExportError(f"an engine for inputs of {longest} tokens makes no sense: give 1 or more")
    bounds = [*(bound for bound in BOUNDS if bound < longest), longest]
    batches = []
    for below, bound in zip([0, *bounds], bounds, strict=False):
        usual, most = (max(2, tokens // bound) for tokens in (TUNED_TOKENS, TOKENS))
        batches.append(Profile((1, below + 1), (usual, bound), (most, bound)))
    return [Profile((1, 1), (1, min(USUAL, longest)), (1, longest)), *batches]


def missing() -> str | None:
    """What is missing to build an engine here, and how to get it; None when nothing is."""
    if not _devices():
        return "no NVIDIA GPU answers, and an engine is built on the GPU that runs it: run the study on that machine"
    for module in ("tensorrt", "polygraphy"):
        if importlib.util.find_spec(module) is None:
            return f"the package {module!r} is not installed: see docs/gpu.md"
    try:
        import tensorrt  # of itself: a distribution of this name need not be there
    except Exception as error:  # a library that does not load is no ImportError everywhere
        return f"the package 'tensorrt' cannot be imported ({one_line(error)}): see docs/gpu.md"
    if int(tensorrt.__version__.split(".")[0]) < 10:
        return f"TensorRT {tensorrt.__version__} is installed, needed is 10 or later: see docs/gpu.md"
    return None


def without_fp8() -> str | None:
    """Which GPU here cannot multiply in FP8, and the way out; None when all can, or there is none."""
    for device in _devices():
        major, minor = device.rpartition(" ")[2].split(".")
        if (int(major), int(minor)) < FP8_SINCE:
            return f"{device} has no matmuls in FP8, GPUs from compute capability 8.9 on have: use tensorrt-int8"
    return None


def timing_cache(version: str, devices: Sequence[str]) -> Path:
    """Where TensorRT's kernel timings are kept from one build to the next: a file for each version and GPU."""
    key = hashlib.sha256("\n".join([version, *devices]).encode()).hexdigest()[:16]
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "scalemodel" / f"tensorrt-timing-{key}.cache"


def write(source: Path, destination: Path, *, inputs: Sequence[str], longest: int) -> dict[str, Any]:
    """Build the engine of the ONNX artifact in ``source`` and write it to ``destination``.

    ``inputs`` are the graph's, all (batch, length); ``longest`` is the longest input in tokens. Returns what the
    manifest records: TensorRT's version, the devices and the profiles. Raises `ExportError` where TensorRT is not
    there, or refuses the file.
    """
    if (reason := missing()) is not None:
        raise ExportError(f"TensorRT cannot build an engine: {reason}")
    require(source, MODEL, "export the artifact again")
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # as the backends do: an engine is of one kind of GPU
    import tensorrt
    from polygraphy.backend import trt
    from polygraphy.exception import PolygraphyException

    chosen = profiles(longest)
    cache = timing_cache(tensorrt.__version__, _devices())
    cache.parent.mkdir(parents=True, exist_ok=True)
    config = trt.CreateConfig(
        profiles=[_as_polygraphy(profile, inputs) for profile in chosen],
        load_timing_cache=str(cache) if cache.is_file() else None,
        profiling_verbosity=tensorrt.ProfilingVerbosity.DETAILED,  # or the inspector tells no types
        tf32=False,  # FP32 means FP32
        sparse_weights=True,  # only allows the kernels for 2:4 sparsity: dense weights keep theirs
    )
    network = trt.NetworkFromOnnxPath(str(source / MODEL), strongly_typed=True)
    try:
        built = trt.EngineBytesFromNetwork(network, config=config, save_timing_cache=str(cache))()
    except PolygraphyException as error:
        raise ExportError(
            f"TensorRT {tensorrt.__version__} cannot build {source / MODEL}: {one_line(error)}"
        ) from error
    (destination / ENGINE).write_bytes(built)
    engine = trt.EngineFromBytes(built)()
    inspector = engine.create_engine_inspector()
    information = inspector.get_engine_information(tensorrt.LayerInformationFormat.JSON)
    (destination / LAYERS).write_text(information, encoding="utf-8")
    copy_tokenizer(source, destination)
    return {
        "found": {
            "tensorrt": tensorrt.__version__,
            "devices": list(_devices()),
            "profiles": [asdict(profile) for profile in chosen],
        }
    }


def _as_polygraphy(profile: Profile, inputs: Sequence[str]) -> Any:
    from polygraphy.backend.trt import Profile as Shapes

    shapes = Shapes()
    for name in inputs:
        shapes.add(name, min=profile.smallest, opt=profile.usual, max=profile.largest)
    return shapes


def _devices() -> tuple[str, ...]:
    """The names of the GPUs that NVML sees, with their compute capability; none without a driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # ImportError, or any NVMLError: no driver, no permission, version mismatch
        return ()
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        capabilities = [pynvml.nvmlDeviceGetCudaComputeCapability(handle) for handle in handles]
        return tuple(
            f"{pynvml.nvmlDeviceGetName(handle)} {major}.{minor}"
            for handle, (major, minor) in zip(handles, capabilities, strict=True)
        )
    finally:
        pynvml.nvmlShutdown()
