"""Inputs and outputs of an ONNX Runtime session in buffers on its device, kept from one inference to the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.host.pinned_memory import HostBlock

Integers = NDArray[np.int64]
Feeds = Mapping[str, Integers]
Shape = tuple[int, int]
"""Rows and tokens of a batch."""

KEPT = 64
"""Shapes whose buffers stay, the latest used: of 4,096 tokens each they are some 8 MB."""

ALIGNMENT = 256
"""Bytes: CUDA's own allocations begin at multiples of it, and kernels read up to 16 bytes at once."""

EAGER = -1
"""ONNX Runtime's ``gpu_graph_id`` of a run that neither captures a CUDA graph nor replays one."""


class DeviceBuffers:
    """Buffers of one session, for one caller at a time: a `BoundBuffers` for every shape of a batch.

    A batch that fits one of ``graphs`` is padded to the smallest that holds it, and from the second run of that shape
    on a CUDA graph is replayed (`capture`); the session must have been opened with ``enable_cuda_graph``. Any other
    batch runs in its own shape. Outputs named in ``per_token`` have a token axis. ``device`` is "cuda", or "cpu", where
    a copy is one in memory.
    """

    def __init__(
        self,
        session: Any,
        outputs: Sequence[str],
        *,
        per_token: Collection[str],
        device: str,
        graphs: Sequence[Shape] = (),
    ) -> None:
        self._session = session
        self._outputs = outputs
        self._per_token = per_token
        self._device = (device, 0)  # of those that CUDA_VISIBLE_DEVICES leaves
        self._host = HostBlock(device)
        # ONNX Runtime keeps 0 for itself.
        self._graph_ids = {shape: number for number, shape in enumerate(graphs, start=1)}
        # A captured graph works on the addresses that it was captured with.
        self._captured: dict[Shape, BoundBuffers] = {}
        self._recent: OrderedDict[Shape, BoundBuffers] = OrderedDict()

    def infer(self, feeds: Feeds) -> dict[str, NDArray[Any]]:
        """The outputs of one batch by name, as the graph types them, in arrays of the caller's own."""
        bound = self.of(feeds)
        bound.fill(feeds)
        bound.run()
        rows, length = shape_of(feeds)
        return {
            name: (array[:rows, :length] if name in self._per_token else array[:rows]).copy()
            for name, array in zip(self._outputs, bound.fetch(), strict=True)
        }

    def capture(self, inputs: Sequence[str]) -> None:
        """Capture all graphs: the first run of a shape is an ordinary one, the second captures."""
        for shape in self._graph_ids:
            for _ in range(2):
                self.infer({name: np.ones(shape, dtype=np.int64) for name in inputs})

    def of(self, feeds: Feeds) -> BoundBuffers:
        """The buffers that a batch runs in."""
        shape = smallest(self._graph_ids, shape_of(feeds))
        if shape is not None:
            if shape not in self._captured:
                self._captured[shape] = self._bind(feeds, shape, graph_id=self._graph_ids[shape])
            return self._captured[shape]
        shape = shape_of(feeds)
        if shape not in self._recent:
            self._recent[shape] = self._bind(feeds, shape, graph_id=EAGER)
        self._recent.move_to_end(shape)
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        return self._recent[shape]

    def _bind(self, feeds: Feeds, shape: Shape, *, graph_id: int) -> BoundBuffers:
        names = tuple(feeds)
        return BoundBuffers(
            self._session, names, self._outputs, shape, self._host, device=self._device, graph_id=graph_id
        )


class BoundBuffers:
    """One shape's buffers, bound to the session: `fill`, `run`, `fetch`.

    Inputs lie behind each other in one block on the device, outputs in another, so that each way takes one copy.
    Every call waits for its own work alone, so that threads on one session do not wait for each other: ONNX Runtime's
    copies return when they are done, its run when its stream is, whereas `synchronize` waits for the whole device.
    """

    def __init__(
        self,
        session: Any,
        inputs: Sequence[str],
        outputs: Sequence[str],
        shape: Shape,
        host: HostBlock,
        *,
        device: tuple[str, int],
        graph_id: int = EAGER,
    ) -> None:
        self._session = session
        self._names = outputs
        self._binding = session.io_binding()
        self._device = device
        self._host = host
        self._inputs = DeviceBlock({name: (shape, np.dtype(np.int64)) for name in inputs}, device)
        self._outputs: DeviceBlock | None = None
        for name in outputs:
            self._binding.bind_output(name, *device)
        self._first, self._later = run_options(EAGER), run_options(graph_id)

    def fill(self, feeds: Feeds) -> None:
        """Copy a batch to the device, padded to this shape.

        Inputs are bound each time: binding is what copies one that is read by a node left to the CPU.
        """
        block = self._host.first(self._inputs.size)
        for name, target in self._inputs.views(block).items():
            pad_into(target, feeds[name])
        self._inputs.copy_from(block)
        for name, place in self._inputs.places.items():
            self._binding.bind_input(name, *self._device, place.dtype, place.shape, self._inputs.address + place.offset)

    def run(self) -> None:
        """The first run lets ONNX Runtime allocate the outputs."""
        self._session.run_with_iobinding(self._binding, self._first if self._outputs is None else self._later)

    def fetch(self) -> list[NDArray[Any]]:
        """The outputs of the last run on the host, to be read before the next `fill` of any shape."""
        if self._outputs is None:
            arrays: list[NDArray[Any]] = self._binding.copy_outputs_to_cpu()
            self._place(dict(zip(self._names, arrays, strict=True)))
            return arrays
        block = self._host.first(self._outputs.size)
        self._outputs.copy_to(block)
        return list(self._outputs.views(block).values())

    def _place(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Let all further runs write outputs of these shapes into one block."""
        self._outputs = DeviceBlock({name: (array.shape, array.dtype) for name, array in arrays.items()}, self._device)
        for name, place in self._outputs.places.items():
            address = self._outputs.address + place.offset
            self._binding.bind_output(name, *self._device, place.dtype, place.shape, address)

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given."""
        self._binding.synchronize_inputs()


@dataclass(frozen=True)
class BlockSlice:
    """Where an array lies in a block, in bytes from its beginning."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


class DeviceBlock:
    """Arrays behind each other in one block of memory on a device; a block on the host has them at the same places."""

    def __init__(self, arrays: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], device: tuple[str, int]) -> None:
        import onnxruntime

        self.places: dict[str, BlockSlice] = {}
        self.size = 0
        for name, (shape, dtype) in arrays.items():
            self.places[name] = BlockSlice(self.size, shape, dtype)
            self.size += -(-self.places[name].size // ALIGNMENT) * ALIGNMENT
        self._value = onnxruntime.OrtValue.ortvalue_from_shape_and_type([self.size], np.uint8, *device)
        self.address = int(self._value.data_ptr())

    def copy_from(self, block: NDArray[np.uint8]) -> None:
        self._value.update_inplace(_wrapped(block))

    def copy_to(self, block: NDArray[np.uint8]) -> None:
        _wrapped(block).update_inplace(self._value)

    def views(self, block: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The arrays in a block on the host."""
        return {
            name: block[place.offset : place.offset + place.size].view(place.dtype).reshape(place.shape)
            for name, place in self.places.items()
        }


def _wrapped(block: NDArray[np.uint8]) -> Any:
    """The block as ONNX Runtime's own kind of value; not a copy of it."""
    import onnxruntime

    return onnxruntime.OrtValue.ortvalue_from_numpy(block)


def run_options(graph_id: int) -> Any:
    """Of a run under this ``gpu_graph_id``, which means nothing to a session without CUDA graphs."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(graph_id))
    return options


def shape_of(feeds: Feeds) -> Shape:
    rows, length = next(iter(feeds.values())).shape
    return rows, length


def smallest(shapes: Mapping[Shape, int], wanted: Shape) -> Shape | None:
    """Of the shapes that hold a batch of the ``wanted`` one, that with the fewest tokens; None where none does."""
    holding = [shape for shape in shapes if shape[0] >= wanted[0] and shape[1] >= wanted[1]]
    return min(holding, key=lambda shape: (shape[0] * shape[1], shape), default=None)


def pad_into(target: Integers, array: Integers) -> None:
    """Masked tokens behind, and the last row again below: a row of masked tokens alone has no sound softmax."""
    rows, length = array.shape
    target[:rows, :length] = array
    target[:rows, length:] = 0
    target[rows:] = target[rows - 1]
