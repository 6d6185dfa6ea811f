"""Calls of CUDA's runtime for the runner of engines, by ctypes: the library is there, a package need not be."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.errors import BackendError
from backends.host import nvidia
from backends.host.pinned_memory import page_locked

TO_DEVICE, TO_HOST = 1, 2
"""cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost."""
NON_BLOCKING = 1
"""cudaStreamNonBlocking: what runs on CUDA's default stream holds nothing up."""
THREAD_LOCAL = 1
"""cudaStreamCaptureModeThreadLocal: other threads may allocate while this one captures."""

Pointer = ctypes.c_void_p


class CudaRuntime:
    """Pointers, streams and graphs are integers. Every method raises `BackendError` with CUDA's own words."""

    def __init__(self) -> None:
        library = nvidia.cuda_runtime()
        if library is None:
            raise BackendError(
                "tensorrt: the loader finds no libcudart.so.13 or .12; install CUDA's runtime "
                "(pip install nvidia-cuda-runtime), or put it on LD_LIBRARY_PATH"
            )
        self._library: Any = library
        library.cudaGetErrorString.restype = ctypes.c_char_p

    def allocate(self, size: int) -> int:
        """``size`` bytes on the device."""
        return self._new("cudaMalloc", ctypes.c_size_t(size))

    def free(self, pointer: int) -> None:
        self._call("cudaFree", Pointer(pointer))

    def page_locked(self, size: int) -> NDArray[np.uint8]:
        """``size`` bytes of the host that the device reads and writes itself, freed with the last view of them."""
        return page_locked(size)

    def create_stream(self) -> int:
        return self._new("cudaStreamCreateWithFlags", ctypes.c_uint(NON_BLOCKING))

    def destroy_stream(self, stream: int) -> None:
        self._call("cudaStreamDestroy", Pointer(stream))

    def synchronize(self, stream: int) -> None:
        self._call("cudaStreamSynchronize", Pointer(stream))

    def copy_to_device(self, target: int, source: int, size: int, stream: int) -> None:
        self._copy(target, source, size, TO_DEVICE, stream)

    def copy_to_host(self, target: int, source: int, size: int, stream: int) -> None:
        self._copy(target, source, size, TO_HOST, stream)

    def capture(self, stream: int, enqueue: Callable[[], None]) -> int:
        """A graph of what ``enqueue`` gives to the stream; nothing of it runs now."""
        self._call("cudaStreamBeginCapture", Pointer(stream), ctypes.c_int(THREAD_LOCAL))
        captured = Pointer()
        try:
            enqueue()
        finally:
            self._call("cudaStreamEndCapture", Pointer(stream), ctypes.byref(captured))
        try:
            return self._new("cudaGraphInstantiate", captured, ctypes.c_ulonglong(0))
        finally:
            self._call("cudaGraphDestroy", captured)

    def launch(self, graph: int, stream: int) -> None:
        self._call("cudaGraphLaunch", Pointer(graph), Pointer(stream))

    def destroy_graph(self, graph: int) -> None:
        self._call("cudaGraphExecDestroy", Pointer(graph))

    def _copy(self, target: int, source: int, size: int, kind: int, stream: int) -> None:
        self._call(
            *("cudaMemcpyAsync", Pointer(target), Pointer(source)),
            *(ctypes.c_size_t(size), ctypes.c_int(kind), Pointer(stream)),
        )

    def _new(self, function: str, *arguments: Any) -> int:
        """What ``function`` writes to the pointer that is its first argument."""
        made = Pointer()
        self._call(function, ctypes.byref(made), *arguments)
        return made.value or 0

    def _call(self, function: str, *arguments: Any) -> None:
        code = getattr(self._library, function)(*arguments)
        if code != 0:
            self._library.cudaGetLastError()  # or the next call of anybody's would be told of it
            raise BackendError(f"tensorrt: {function}: {self._library.cudaGetErrorString(code).decode()} ({code})")
