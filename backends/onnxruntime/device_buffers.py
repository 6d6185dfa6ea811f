"""Inputs and outputs of an ONNX Runtime session in buffers on its device, kept from one inference to the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.tasks import PER_TOKEN

Integers = NDArray[np.int64]
Feeds = Mapping[str, Integers]
Shape = tuple[int, int]
"""Rows and tokens of a batch."""

KEPT = 64
"""Shapes whose buffers stay, the latest used: of 4,096 tokens each they are some 8 MB."""

EAGER = -1
"""ONNX Runtime's ``gpu_graph_id`` of a run that neither captures a CUDA graph nor replays one."""


class DeviceBuffers:
    """Buffers of one session, for one caller at a time: a `Bound` for every shape of a batch.

    A batch that fits one of ``graphs`` is padded to the smallest that holds it, and from the second run of that shape
    on a CUDA graph is replayed; the session must have been opened with ``enable_cuda_graph``. Any other batch runs in
    its own shape. ``device`` is "cuda", or "cpu", where a copy is one in memory.
    """

    def __init__(self, session: Any, outputs: Sequence[str], *, device: str, graphs: Sequence[Shape] = ()) -> None:
        self._session = session
        self._outputs = outputs
        self._device = (device, 0)  # of those that CUDA_VISIBLE_DEVICES leaves
        # ONNX Runtime keeps 0 for itself.
        self._graph_ids = {shape: number for number, shape in enumerate(graphs, start=1)}
        self._captured: dict[Shape, Bound] = {}  # a captured graph works on the addresses that it was captured with
        self._recent: OrderedDict[Shape, Bound] = OrderedDict()

    def infer(self, feeds: Feeds) -> dict[str, NDArray[Any]]:
        """The outputs of one batch by name, as the graph types them, in arrays of the caller's own."""
        bound = self.of(feeds)
        bound.fill(feeds)
        bound.run()
        rows, length = shape_of(feeds)
        return {
            name: array[:rows, :length] if name in PER_TOKEN else array[:rows]
            for name, array in zip(self._outputs, bound.fetch(), strict=True)
        }

    def of(self, feeds: Feeds) -> Bound:
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

    def _bind(self, feeds: Feeds, shape: Shape, *, graph_id: int) -> Bound:
        return Bound(self._session, tuple(feeds), self._outputs, shape, device=self._device, graph_id=graph_id)


class Bound:
    """One shape's buffers, bound to the session: `fill`, `run`, `fetch`.

    Each waits for its own work alone, so that threads on one session do not wait for each other: ONNX Runtime's
    copies return when they are done, its run when its stream is, whereas `synchronize` waits for the whole device.
    """

    def __init__(
        self,
        session: Any,
        inputs: Sequence[str],
        outputs: Sequence[str],
        shape: Shape,
        *,
        device: tuple[str, int],
        graph_id: int = EAGER,
    ) -> None:
        import onnxruntime

        self._shape = shape
        self._session = session
        self._outputs = outputs
        self._binding = session.io_binding()
        self._inputs = {
            name: onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, np.int64, *device) for name in inputs
        }
        for name in outputs:
            self._binding.bind_output(name, *device)
        self._options = run_options(EAGER)
        self._later = run_options(graph_id)

    def fill(self, feeds: Feeds) -> None:
        """Copy a batch to the device, padded to this shape.

        Inputs are bound each time: binding is what copies one that is read by a node left to the CPU.
        """
        for name, value in self._inputs.items():
            value.update_inplace(pad_to(feeds[name], self._shape))
            self._binding.bind_ortvalue_input(name, value)

    def run(self) -> None:
        """The first run lets ONNX Runtime allocate the outputs; they stay bound for all others."""
        self._session.run_with_iobinding(self._binding, self._options)
        if self._options is not self._later:
            for name, value in zip(self._outputs, self._binding.get_outputs(), strict=True):
                self._binding.bind_ortvalue_output(name, value)
            self._options = self._later

    def fetch(self) -> list[NDArray[Any]]:
        """The outputs of the last run, copied to the host."""
        found: list[NDArray[Any]] = self._binding.copy_outputs_to_cpu()
        return found

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given."""
        self._binding.synchronize_inputs()


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


def pad_to(array: Integers, shape: Shape) -> Integers:
    """Masked tokens behind, and the last row again below: a row of masked tokens alone has no sound softmax."""
    if array.shape == shape:
        return array
    rows, length = array.shape
    padded = np.zeros(shape, dtype=np.int64)
    padded[:rows, :length] = array
    padded[rows:] = padded[rows - 1]
    return padded
