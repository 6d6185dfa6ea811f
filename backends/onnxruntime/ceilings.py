"""Ceilings of a device: one matmul and one addition, so large that arithmetic, or memory, is all they wait for.

By ONNX Runtime, whatever runtime is held against them: it is there with every backend, and both devices have it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from backends.errors import from_runtime
from backends.onnxruntime.cpu import new_session
from backends.onnxruntime.cuda import CUDA, load_libraries

Arithmetic = Literal["fp32", "fp16", "int8"]

MATMUL_SIZE = {"cpu": 512, "cuda": 4096}
"""Columns of the factors. On a CPU a core computes `ROWS_PER_CORE` rows, a GPU as many as columns.

That saturates a core (its rate is that of eight times the size) and takes under 2 ms: of a few runs one is then as fast
as it can be, on a busy machine too."""
ROWS_PER_CORE = 128
ADDED_BYTES = {"cpu": 24 << 20, "cuda": 256 << 20}
"""Of each of the three arrays: together more than the last cache of most, and some 4 ms of work."""


@dataclass(frozen=True)
class Workload:
    """``run()`` does ``amount`` of work: operations, a multiplication and an addition being two, or bytes moved."""

    run: Callable[[], object]
    amount: float


def matmul(device: str, arithmetic: Arithmetic, *, threads: int) -> Workload:
    """A matmul in this arithmetic, on ``threads`` of a CPU.

    Raises:
        BackendError: ONNX Runtime cannot run it on ``device``.
    """
    columns = MATMUL_SIZE[device]
    rows = ROWS_PER_CORE * threads if device == "cpu" else columns
    operator = "MatMulInteger" if arithmetic == "int8" else "MatMul"
    types: dict[Arithmetic, tuple[DTypeLike, DTypeLike, DTypeLike]] = {
        "fp32": (np.float32, np.float32, np.float32),
        "fp16": (np.float16, np.float16, np.float16),
        "int8": (np.uint8, np.int8, np.int32),
    }
    a, b, c = types[arithmetic]
    given = [np.ones((rows, columns), a), np.ones((columns, columns), b)]
    return Workload(
        on_device(operator, given, np.empty((rows, columns), c), device, threads), 2.0 * rows * columns * columns
    )


def addition(device: str, *, threads: int) -> Workload:
    """The sum of two arrays, which reads two and writes one, as STREAM's add; raises as `matmul`."""
    given = [np.ones(ADDED_BYTES[device] // 4, np.float32) for _ in range(2)]
    return Workload(on_device("Add", given, np.empty_like(given[0]), device, threads), 3.0 * ADDED_BYTES[device])


def on_device(
    operator: str, given: list[NDArray[Any]], made: NDArray[Any], device: str, threads: int
) -> Callable[[], object]:
    """One node on inputs and an output that lie on the device; a call returns when it is done."""
    try:
        import onnxruntime
        from onnx import helper

        names = ["a", "b"]
        values = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in zip([*names, "c"], [*given, made], strict=True)
        ]
        graph = helper.make_graph([helper.make_node(operator, names, ["c"])], "ceiling", values[:2], values[2:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        if device == "cuda":
            load_libraries()
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        providers = [("CPUExecutionProvider", {})] if device == "cpu" else [(CUDA, {"use_tf32": "0"})]
        session = new_session(model.SerializeToString(), options, providers)
        binding = session.io_binding()
        for name, array in zip(names, given, strict=True):
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array, device, 0))
        binding.bind_ortvalue_output("c", onnxruntime.OrtValue.ortvalue_from_numpy(made, device, 0))
        session.run_with_iobinding(binding)
    except Exception as error:
        raise from_runtime(f"ONNX Runtime runs no {operator} on {device}", error) from error
    return lambda: session.run_with_iobinding(binding)
