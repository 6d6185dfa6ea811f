"""Memory on the host that CUDA reads and writes itself: copies from and to pageable memory go through such memory."""

from __future__ import annotations

import ctypes
import weakref

import numpy as np
from numpy.typing import NDArray

from backends.errors import BackendError
from backends.host.nvidia import cuda_runtime


class HostBlock:
    """A block of memory that grows to the largest that was asked for: page-locked where ``device`` is "cuda".

    CUDA takes some 0.1 ms to lock or free such memory, and waits for the device: so there is one block for all shapes.
    """

    def __init__(self, device: str) -> None:
        self._new = page_locked if device == "cuda" else pageable
        self._block = np.empty(0, np.uint8)

    def first(self, size: int) -> NDArray[np.uint8]:
        """The first ``size`` bytes. Whoever asked before must not use his any more."""
        if size > self._block.size:
            self._block = self._new(1 << (size - 1).bit_length())
        return self._block[:size]


def pageable(size: int) -> NDArray[np.uint8]:
    return np.empty(size, np.uint8)


def page_locked(size: int) -> NDArray[np.uint8]:
    """``size`` bytes, uint8, freed with the last view of them.

    Raises:
        BackendError: there is no CUDA runtime, or it has no such memory left.
    """
    library = cuda_runtime()
    address = ctypes.c_void_p()
    error = -1 if library is None else library.cudaHostAlloc(ctypes.byref(address), ctypes.c_size_t(size), 0)
    if library is None or error != 0 or not address.value:
        raise BackendError(
            f"CUDA locks no {size:,} bytes of memory on the host (error {error}): free some, or raise the limit"
        )
    block = (ctypes.c_uint8 * size).from_address(address.value)
    weakref.finalize(block, library.cudaFreeHost, address)
    return np.ctypeslib.as_array(block)
