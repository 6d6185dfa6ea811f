"""Backends by name. Their modules, and so the runtimes, are imported only when one is asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from backends.backend import Availability, Backend
from backends.errors import BackendError

BACKENDS: dict[str, str] = {
    "onnxruntime-cpu": "backends.onnxruntime_backend:OnnxRuntimeCpu",
    "onnxruntime-cuda": "backends.onnxruntime_gpu:OnnxRuntimeCuda",
    "onnxruntime-tensorrt": "backends.onnxruntime_gpu:OnnxRuntimeTensorrt",
    "openvino-cpu": "backends.openvino_backend:OpenVinoCpu",
    "torch-cpu": "backends.torch_backend:TorchCpu",
    "torch-cuda": "backends.torch_backend:TorchCuda",
}


def backend_class(name: str) -> type[Backend]:
    """The class of a backend; `BackendError` for a name that is none."""
    if name not in BACKENDS:
        raise BackendError(f"unknown backend {name!r}; one of {', '.join(BACKENDS)}")
    module, _, attribute = BACKENDS[name].partition(":")
    found: type[Backend] = getattr(import_module(module), attribute)
    return found


def open_backend(
    name: str,
    artifact: Path,
    *,
    format: str,
    task: str,
    pooling: str = "cls",
    threads: int | None = None,
    representation: bool = True,
) -> Backend:
    """The artifact folder loaded on a backend: a context manager, open already.

    ``pooling`` ("cls" or "mean") is for torch alone; an ONNX artifact has its pooling in the graph.
    ``representation`` False is for an artifact that has none.
    Raises `BackendError`: backend not there, format it does not serve, file it cannot read.
    """
    kind = backend_class(name)
    reason = serves(name, format)
    if reason is not None:
        raise BackendError(f"{name} does not serve {format}: {reason}")
    return kind(
        artifact, format=format, task=task, pooling=pooling, threads=threads, representation=representation
    ).open()


def availability(name: str) -> Availability:
    """Whether a backend works on this machine, why not, and what to do about it."""
    return backend_class(name).availability()


def serves(backend: str, format: str) -> str | None:
    """None when the backend can serve the format, otherwise the reason."""
    if backend not in BACKENDS:
        raise BackendError(f"unknown backend {backend!r}; one of {', '.join(BACKENDS)}")
    if backend.startswith("torch"):
        return None if format.startswith("torch") else "torch runs checkpoints: use the format torch-fp32"
    if format.startswith("torch"):
        return f"{backend} runs ONNX files: use torch-cpu or torch-cuda"
    if format == "onnx-fused" and not backend.startswith("onnxruntime"):
        return f"its operators are ONNX Runtime's own: use onnx-fp32, which {backend} fuses itself"
    if format == "onnx-fused" and backend == "onnxruntime-tensorrt":
        return "TensorRT knows none of its operators, and fuses standard ones itself: use onnx-fp32"
    if format == "onnx-bf16" and backend == "onnxruntime-cpu":
        return "ONNX Runtime has no bfloat16 products on the CPU: use openvino-cpu, or onnx-fp32"
    if format == "onnx-int4" and backend == "onnxruntime-tensorrt":
        return "TensorRT does not know MatMulNBits: use onnx-fp16"
    if backend == "onnxruntime-cuda" and "int8" in format:
        # onnxruntime#10267 for QDQ; CUDA has no DynamicQuantizeLinear either.
        return "quantized nodes fall back to the CPU there: use onnx-fp16"
    if backend == "onnxruntime-tensorrt" and format == "onnx-int8-dynamic":
        return "TensorRT has no dynamic quantization: use onnx-fp16"
    if backend == "onnxruntime-tensorrt" and format == "onnx-int8-static":
        return "TensorRT takes signed symmetric INT8, the format's activations are unsigned: use onnx-fp16"
    return None
