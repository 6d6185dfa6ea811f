"""CUDA's runtime and a TensorRT engine, imitated with their rules: what breaks one of them fails.

Work on a stream is done when the stream is waited for, and not before. A context that was captured may not be touched;
a graph works on the addresses, shapes and memory that it was captured with.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = {"INT64": np.int64, "INT32": np.int32, "FLOAT": np.float32, "HALF": np.float16}


class ImitatedRuntime:
    """With the methods of `backends.tensorrt.cuda_runtime.CudaRuntime`; "device" memory is the host's."""

    def __init__(self) -> None:
        self.blocks: dict[int, tuple[str, Any]] = {}
        self.pending: dict[int, list[Callable[[], object]]] = {}
        self.graphs: dict[int, list[Callable[[], object]]] = {}
        self.capturing: dict[int, list[Callable[[], object]]] = {}
        self.counts = Counter[str]()
        self.numbers = iter(range(1, 10_000))

    def _take(self, kind: str, size: int) -> int:
        block = ctypes.create_string_buffer(size + 256)
        address = -(-ctypes.addressof(block) // 256) * 256
        self.blocks[address] = (kind, block)
        return address

    def allocate(self, size: int) -> int:
        return self._take("device", size)

    def page_locked(self, size: int) -> NDArray[np.uint8]:
        address = self._take("pinned", size)
        block = (ctypes.c_uint8 * size).from_address(address)
        weakref.finalize(block, self.blocks.pop, address)
        return np.ctypeslib.as_array(block)

    def free(self, pointer: int) -> None:
        assert self.blocks.pop(pointer)[0] == "device"

    def create_stream(self) -> int:
        stream = next(self.numbers)
        self.pending[stream] = []
        return stream

    def destroy_stream(self, stream: int) -> None:
        assert not self.pending.pop(stream)

    def give(self, stream: int, work: Callable[[], object]) -> None:
        (self.capturing[stream] if stream in self.capturing else self.pending[stream]).append(work)

    def synchronize(self, stream: int) -> None:
        assert stream not in self.capturing
        while self.pending[stream]:
            self.pending[stream].pop(0)()

    def copy_to_device(self, target: int, source: int, size: int, stream: int) -> None:
        self.counts["to device"] += 1
        self.give(stream, lambda: ctypes.memmove(target, source, size))

    def copy_to_host(self, target: int, source: int, size: int, stream: int) -> None:
        self.counts["to host"] += 1
        self.give(stream, lambda: ctypes.memmove(target, source, size))

    def capture(self, stream: int, enqueue: Callable[[], None]) -> int:
        assert not self.pending[stream], "work before the capture"
        self.counts["captures"] += 1
        self.capturing[stream] = []
        try:
            enqueue()
        finally:
            work = self.capturing.pop(stream)
        graph = next(self.numbers)
        self.graphs[graph] = work
        return graph

    def launch(self, graph: int, stream: int) -> None:
        self.counts["launches"] += 1
        for work in self.graphs[graph]:
            self.give(stream, work)

    def destroy_graph(self, graph: int) -> None:
        del self.graphs[graph]


class ImitatedEngine:
    """Tells of each row the sum of its ``input_ids`` (logits) and of its mask (representation)."""

    num_layers = 3
    device_memory_size_v2 = 4096

    def __init__(self, runtime: Any, kinds: dict[str, str], profiles: list[list[list[int]]]) -> None:
        self.runtime, self.kinds, self.profiles = runtime, kinds, profiles
        self.names = list(kinds)
        self.num_io_tensors, self.num_optimization_profiles = len(kinds), len(profiles)
        self.contexts: list[ImitatedContext] = []
        self.capturable = True

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if KINDS[self.kinds[name]] in (np.int64, np.int32) else "out"

    def get_tensor_dtype(self, name: str) -> Any:
        return type("DataType", (), {"name": self.kinds[name]})

    def get_tensor_shape(self, name: str) -> tuple[int, int]:
        return (-1, -1) if self.get_tensor_mode(name) == "in" else (-1, 1)

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[list[int]]:
        return self.profiles[profile]

    def create_execution_context(self, strategy: str) -> ImitatedContext:
        assert strategy == "user managed"
        self.contexts.append(ImitatedContext(self))
        return self.contexts[-1]


class ImitatedContext:
    def __init__(self, engine: ImitatedEngine) -> None:
        self.engine, self.runtime = engine, engine.runtime
        self.captured = False
        self.profile: int | None = None
        self.shapes: dict[str, tuple[int, int]] = {}
        self.addresses: dict[str, int] = {}
        self.scratch: tuple[int, int] | None = None
        self.runs = Counter[tuple[int, int]]()

    def _touch(self) -> None:
        assert not self.captured, "a captured context was changed"

    def set_device_memory(self, memory: int, size: int) -> None:
        self._touch()
        assert size >= self.engine.device_memory_size_v2
        self.scratch = memory, size

    def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
        self._touch()
        self.profile, self.shapes = profile, {}
        return True

    def set_input_shape(self, name: str, shape: tuple[int, int]) -> bool:
        self._touch()
        assert self.profile is not None
        low, _, high = self.engine.profiles[self.profile]
        self.shapes[name] = shape
        return all(a <= size <= b for a, size, b in zip(low, shape, high, strict=True))

    def get_tensor_shape(self, name: str) -> tuple[int, int]:
        return self.shapes[name] if name in self.shapes else (next(iter(self.shapes.values()))[0], 1)

    def set_tensor_address(self, name: str, address: int) -> None:
        self._touch()
        assert address % 256 == 0
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        self._touch()
        assert self.scratch and set(self.addresses) == set(self.engine.names)
        shape = next(iter(self.shapes.values()))
        if stream in self.runtime.capturing:
            if not self.engine.capturable:
                return False
            assert self.runs[shape], "captured before it ran once"
            self.captured = True
        self.runs[shape] += 1
        self.runtime.give(stream, lambda: self._compute(shape, dict(self.addresses)))
        return True

    def _compute(self, shape: tuple[int, int], at: dict[str, int]) -> None:
        ids, mask = (self._array(name, at[name], shape) for name in ("input_ids", "attention_mask"))
        for name, made in (("logits", ids.sum(axis=1)), ("representation", mask.sum(axis=1))):
            self._array(name, at[name], (shape[0], 1))[:, 0] = made

    def _array(self, name: str, address: int, shape: tuple[int, int]) -> NDArray[Any]:
        kind = np.dtype(KINDS[self.engine.kinds[name]])
        size = shape[0] * shape[1] * kind.itemsize
        return np.frombuffer(memoryview((ctypes.c_ubyte * size).from_address(address)), kind).reshape(shape)
