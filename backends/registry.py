"""Backends by name: the one line that a new backend needs beside its own file, see docs/extending.md.

A backend's module is imported when one asks for it; the runtime itself only when it is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from backends.backend import Availability, Backend
from backends.errors import BackendError

BACKENDS: dict[str, str] = {
    "onnxruntime-cpu": "backends.onnxruntime.cpu:OnnxRuntimeCpu",
    "onnxruntime-cuda": "backends.onnxruntime.cuda:OnnxRuntimeCuda",
    "onnxruntime-tensorrt": "backends.onnxruntime.tensorrt:OnnxRuntimeTensorrt",
    "tensorrt": "backends.tensorrt.backend:TensorRt",
    "openvino-cpu": "backends.openvino:OpenVinoCpu",
    "torch-cpu": "backends.torch:TorchCpu",
    "torch-cpu-compiled": "backends.torch:TorchCpuCompiled",
    "torch-cuda": "backends.torch:TorchCuda",
    "torch-cuda-compiled": "backends.torch:TorchCudaCompiled",
}


def backend_class(name: str) -> type[Backend]:
    """The class of a backend; `BackendError` for a name that is none."""
    if name not in BACKENDS:
        raise BackendError(f"unknown backend {name!r}; one of {', '.join(BACKENDS)}")
    backend_type: type[Backend] = resolve_name(BACKENDS[name])
    return backend_type


def open_backend(
    name: str,
    artifact: Path,
    *,
    format: str,
    task: str,
    pooling: str = "cls",
    threads: int | None = None,
    representation: bool = True,
    options: Mapping[str, Any] | None = None,
) -> Backend:
    """The artifact folder loaded on a backend: a context manager, open already.

    ``pooling`` (`backends.torch.POOLINGS`) is for torch alone; an ONNX artifact has its pooling in the graph.
    ``representation`` False is for an artifact that has none. ``options``: see each backend's ``options_type``.
    Raises `BackendError`: backend not there, format it does not serve, no such option, file it cannot read.
    """
    kind = backend_class(name)
    reason = unsupported_reason(name, format)
    if reason is not None:
        raise BackendError(f"{name} does not serve {format}: {reason}")
    return kind(
        artifact,
        format=format,
        task=task,
        pooling=pooling,
        threads=threads,
        representation=representation,
        options=options,
    ).open()


def availability(name: str) -> Availability:
    """Whether a backend works on this machine, why not, and what to do about it."""
    return backend_class(name).availability()


def unsupported_reason(backend: str, format: str) -> str | None:
    """None when the backend can serve the format, otherwise the reason and the way out."""
    kind = backend_class(backend)
    for pattern, reason in kind.refused.items():
        if fnmatch(format, pattern):
            return reason
    if _takes(kind, format):
        return None
    other = next((name for name in BACKENDS if _takes(backend_class(name), format)), "another format")
    return f"it takes {', '.join(kind.formats)}: use {other}"


def _takes(kind: type[Backend], format: str) -> bool:
    return any(fnmatch(format, pattern) for pattern in kind.formats)
