"""Runner of an engine: pinned buffers made beforehand, a CUDA graph for each shape that comes again, batches in flight.

A `Lane` is all that one batch in flight needs. One engine has as many as it has callers at a time, and two for a caller
whose batch runs in parts.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.errors import BackendError
from backends.tensorrt.cuda_runtime import CudaRuntime

KEPT = 64
"""Shapes whose graph a lane keeps, the latest used."""
ALIGNMENT = 256
"""Bytes: of what CUDA allocates, and so of each tensor in a buffer."""
IN_FLIGHT = 2
"""Parts of one caller's batch: one computes while the other is filled or read."""

Shape = tuple[int, int]
"""Rows and tokens of a batch."""
Feeds = Mapping[str, NDArray[Any]]
Outputs = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Part:
    """As much of a batch as the engine takes at once, and the number of the profile that takes it."""

    profile: int
    feeds: Feeds

    @property
    def shape(self) -> Shape:
        rows, length = next(iter(self.feeds.values())).shape
        return rows, length


@dataclass(frozen=True)
class Place:
    """Of one tensor in a lane's buffers."""

    offset: int
    shape: tuple[int, ...]
    type: np.dtype[Any]


@dataclass
class Bound:
    """An execution context that is set to one shape; with a ``graph``, it must not be changed any more."""

    context: Any
    places: dict[str, Place]
    input_bytes: int
    bytes: int
    graph: int | None = field(default=None)


class EngineRunner:
    def __init__(self, new_lane: Callable[[], Lane]) -> None:
        self._new_lane = new_lane
        self._making = threading.Lock()  # TensorRT does not say that one engine may make contexts in two threads
        self._lanes = [self._new_lane()]
        self._idle = deque(self._lanes)

    @property
    def lanes(self) -> int:
        """How many batches have been in flight at the same time."""
        return len(self._lanes)

    def infer(self, parts: Sequence[Part]) -> Outputs:
        """The outputs of all ``parts``, one behind the other; several threads may call it."""
        made: list[Outputs] = []
        with self._borrowed(min(IN_FLIGHT, len(parts))) as lanes:
            for number, part in enumerate(parts):
                lane = lanes[number % len(lanes)]
                if number >= len(lanes):
                    made.append(lane.finish())
                lane.start(part)
            first = len(parts) - len(lanes)
            made += [lanes[number % len(lanes)].finish() for number in range(first, len(parts))]
        if len(made) == 1:
            return made[0]
        return {name: np.concatenate([one[name] for one in made]) for name in made[0]}

    @contextmanager
    def borrowed(self) -> Iterator[Lane]:
        """A lane of one's own, to time its stages."""
        with self._borrowed(1) as (lane,):
            yield lane

    @contextmanager
    def _borrowed(self, count: int) -> Iterator[list[Lane]]:
        lanes: list[Lane] = []
        try:
            while len(lanes) < count:
                lanes.append(self._idle_lane())
            yield lanes
        finally:
            for lane in lanes:
                lane.synchronize()  # after an error too: nobody's work is in the buffers of the next
            self._idle.extend(lanes)

    def _idle_lane(self) -> Lane:
        with self._making:
            if not self._idle:
                self._lanes.append(self._new_lane())
                self._idle.append(self._lanes[-1])
            return self._idle.pop()

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()
        self._lanes.clear()
        self._idle.clear()


class Lane:
    """A stream, one pinned buffer and its like on the device, memory to compute in, and execution contexts.

    The first batch of a shape runs in a context that goes from shape to shape, the second in one of its own, which is
    captured as a CUDA graph; from the third on the graph is launched. All contexts of a lane compute in the same
    memory, one after another.

    ``inputs`` and ``outputs``: names of all of the engine's tensors, and their types on the host. ``new_context`` makes
    an execution context that has no memory to compute in; ``graphs`` False captures none.
    """

    def __init__(
        self,
        engine: Any,
        runtime: CudaRuntime,
        inputs: Mapping[str, np.dtype[Any]],
        outputs: Mapping[str, np.dtype[Any]],
        new_context: Callable[[], Any],
        *,
        graphs: bool,
    ) -> None:
        self._runtime, self._inputs, self._outputs = runtime, inputs, outputs
        self._new_context, self._graphs = new_context, graphs
        self._bound: OrderedDict[tuple[int, Shape], Bound | None] = OrderedDict()  # None: seen once
        self._now: Bound | None = None
        self._stream = runtime.create_stream()
        self._scratch_bytes = int(engine.device_memory_size_v2)
        self._scratch = runtime.allocate(max(1, self._scratch_bytes))
        self._shared = self._context()
        self._profile: int | None = None
        size = max(
            self._set(self._shared, number, tuple(engine.get_tensor_profile_shape(next(iter(inputs)), number)[2])).bytes
            for number in range(engine.num_optimization_profiles)
        )
        self._memory, self._device = runtime.page_locked(size), runtime.allocate(size)
        self._host = self._memory.ctypes.data

    def start(self, part: Part) -> None:
        """Give a batch to the device; `finish` waits for it."""
        self.fill(part)
        self.compute()
        self._runtime.copy_to_host(*self._outputs_to_host())

    def finish(self) -> Outputs:
        """The outputs of the batch that was started, in arrays of the caller's own."""
        self.synchronize()
        bound = self._bound_now()
        return {name: np.array(self._view(bound.places[name]), np.float32) for name in self._outputs}

    def fill(self, part: Part) -> None:
        """Copy a batch to the device: all inputs in one copy, of the engine's own integers."""
        bound = self._now = self._of(part.profile, part.shape)
        for name in self._inputs:
            self._view(bound.places[name])[...] = part.feeds[name]
        self._runtime.copy_to_device(self._device, self._host, bound.input_bytes, self._stream)

    def compute(self) -> None:
        bound = self._bound_now()
        if bound.graph is not None:
            self._runtime.launch(bound.graph, self._stream)
            return
        self._enqueue(bound)
        if bound.context is not self._shared:
            # What a context does only once for a shape is done now, and stays out of the graph.
            self.synchronize()
            try:
                bound.graph = self._runtime.capture(self._stream, lambda: self._enqueue(bound))
            except BackendError as error:
                raise BackendError(
                    f"tensorrt: the engine cannot be captured as a CUDA graph ({error}): set the option cuda_graphs "
                    "of tensorrt to false"
                ) from error

    def fetch(self) -> Outputs:
        self._runtime.copy_to_host(*self._outputs_to_host())
        return self.finish()

    def synchronize(self) -> None:
        self._runtime.synchronize(self._stream)

    def close(self) -> None:
        for bound in self._bound.values():
            self._drop(bound)
        self._bound.clear()
        self._shared = self._now = None
        del self._memory
        self._runtime.free(self._device)
        self._runtime.free(self._scratch)
        self._runtime.destroy_stream(self._stream)

    def _of(self, profile: int, shape: Shape) -> Bound:
        key = (profile, shape)
        if not self._graphs:
            return self._set(self._shared, profile, shape)
        if key not in self._bound:
            self._bound[key] = None
            if len(self._bound) > KEPT:
                self._drop(self._bound.popitem(last=False)[1])
            return self._set(self._shared, profile, shape)
        self._bound.move_to_end(key)
        bound = self._bound[key]
        if bound is None:
            bound = self._bound[key] = self._set(self._context(), profile, shape)
        return bound

    def _context(self) -> Any:
        context = self._new_context()
        if context is None:
            raise BackendError("tensorrt: no execution context can be made (out of memory on the device?)")
        context.set_device_memory(self._scratch, self._scratch_bytes)
        return context

    def _set(self, context: Any, profile: int, shape: Shape) -> Bound:
        """``context`` at a profile and a shape, its tensors one behind another in this lane's buffers."""
        if context is not self._shared or profile != self._profile:
            self._agreed(context.set_optimization_profile_async(profile, self._stream), f"profile {profile}")
        if context is self._shared:
            self._profile = profile
        for name in self._inputs:
            self._agreed(context.set_input_shape(name, shape), f"the shape {shape} of {name}")
        places, end, input_bytes = {}, 0, 0
        for name, type in (*self._inputs.items(), *self._outputs.items()):
            size = tuple(context.get_tensor_shape(name))
            places[name] = Place(end, size, type)
            end += -(-prod(size) * type.itemsize // ALIGNMENT) * ALIGNMENT
            if name in self._inputs:
                input_bytes = end
        return Bound(context, places, input_bytes, end)

    def _enqueue(self, bound: Bound) -> None:
        for name, place in bound.places.items():
            bound.context.set_tensor_address(name, self._device + place.offset)
        self._agreed(bound.context.execute_async_v3(self._stream), "a batch")

    def _outputs_to_host(self) -> tuple[int, int, int, int]:
        bound = self._bound_now()
        start = bound.input_bytes
        return self._host + start, self._device + start, bound.bytes - start, self._stream

    def _view(self, place: Place) -> NDArray[Any]:
        flat = np.frombuffer(self._memory, place.type, prod(place.shape), place.offset)
        return flat.reshape(place.shape)

    def _bound_now(self) -> Bound:
        assert self._now is not None, "fill comes first"
        return self._now

    def _drop(self, bound: Bound | None) -> None:
        if bound is not None and bound.graph is not None:
            self._runtime.destroy_graph(bound.graph)
            bound.graph = None

    @staticmethod
    def _agreed(answer: bool, what: str) -> None:
        if not answer:
            raise BackendError(f"tensorrt: the engine refuses {what}; TensorRT's reason stands above")
