"""Ceilings of the device that a deployment runs on, measured in the deployment's own process."""

from __future__ import annotations

from backends.backend import Backend
from backends.errors import BackendError
from backends.onnxruntime.ceilings import Arithmetic, addition, matmul
from benchmarks.performance.clock import shortest
from exporters.format import Precision
from harness.store.process_timings import Ceilings

RUNS = 25
"""Of each: 0.1 s on a CPU."""


def ceilings(backend: Backend, precision: Precision | None) -> Ceilings | None:
    """What arithmetic and memory reach.

    None where ONNX Runtime does not reach the device. To be called when all else has been measured: it takes memory.
    """
    arithmetic = arithmetic_of(precision, backend.device)
    try:
        multiplied = matmul(backend.device, arithmetic, threads=backend.threads)
        operations = multiplied.amount / shortest(multiplied.run, RUNS)
        added = addition(backend.device, threads=backend.threads)
        moved = added.amount / shortest(added.run, RUNS)
    except BackendError:
        return None
    return Ceilings(arithmetic=arithmetic, operations_per_second=1e9 * operations, bytes_per_second=1e9 * moved)


def arithmetic_of(precision: Precision | None, device: str) -> Arithmetic:
    """In which a format's matmuls are held against the device's: CPUs compute all but INT8 in float32, or may."""
    if device == "cpu":
        return "int8" if precision == "int8" else "fp32"
    return "fp32" if precision == "fp32" else "fp16"
