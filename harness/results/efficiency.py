"""Achieved operations and bytes a second of a deployment, against what the same process has measured of its machine."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.performance.replicates import median_of_known
from exporters.format import Precision
from exporters.work import Work
from harness.results.timings import Efficiency, ProcessFigures
from harness.store.process_timings import ProcessTimings

BYTES: dict[Precision | None, float] = {
    "fp32": 4.0,
    "fp16": 2.0,
    "bf16": 2.0,
    "int8": 1.0,
    "fp8": 1.0,
    "int4": 0.5 + 4 / 32,
}
"""Of a weight, by precision; in INT4 each block of 32 has a scale."""


def efficiency(
    processes: Sequence[ProcessTimings], figures: Sequence[ProcessFigures], work: Work, precision: Precision | None
) -> Efficiency | None:
    """Medians over processes; None where no process has counted its samples' tokens.

    ``figures`` are those of ``processes``; ``precision`` is the format's.
    """
    counted = next((process.work_per_sample for process in processes if process.work_per_sample is not None), None)
    if counted is None:
        return None
    operations = work.operations(counted.texts, counted.tokens, counted.squared_tokens)
    width = BYTES.get(precision)
    weights = None if width is None else work.weights * width
    ceilings = [process.ceilings for process in processes]
    most_operations = [None if one is None else one.operations_per_second for one in ceilings]
    most_bytes = [None if one is None else one.bytes_per_second for one in ceilings]
    rates = [_scaled(_offline(one), operations) for one in figures]
    reads = [None if weights is None else _scaled(_requests(one), weights) for one in figures]
    return Efficiency(
        operations_per_sample=operations,
        weight_bytes=weights,
        arithmetic=next((one.arithmetic for one in ceilings if one is not None), None),
        operations_per_second=median_of_known(rates),
        operations_ceiling=median_of_known(most_operations),
        operations_share=median_of_known(_shares(rates, most_operations)),
        bytes_per_second=median_of_known(reads),
        bytes_ceiling=median_of_known(most_bytes),
        bytes_share=median_of_known(_shares(reads, most_bytes)),
    )


def _offline(figures: ProcessFigures) -> float | None:
    """Samples a second: from tokens to outputs where that was timed apart."""
    throughput = figures.offline
    return None if throughput is None else throughput.inference_samples_per_second or throughput.samples_per_second


def _requests(figures: ProcessFigures) -> float | None:
    """A second, one after the other: at each, all weights are read once."""
    return None if figures.single_stream is None else 1e3 / figures.single_stream.p50_ms


def _scaled(rate: float | None, amount: float) -> float | None:
    return None if rate is None else rate * amount


def _shares(achieved: Sequence[float | None], ceilings: Sequence[float | None]) -> list[float | None]:
    return [a / b if a is not None and b else None for a, b in zip(achieved, ceilings, strict=True)]
