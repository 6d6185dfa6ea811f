"""Achieved operations and bytes a second of a deployment, against what the same process has measured of its machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from exporters.format import Precision
from exporters.work import Work
from harness.results.timings import Efficiency, ProcessFigures

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
    processes: Sequence[Mapping[str, Any]], figures: Sequence[ProcessFigures], work: Work, precision: Precision | None
) -> Efficiency | None:
    """Medians over processes; None where no process has counted its samples' tokens.

    ``figures`` are those of ``processes``; ``precision`` is the format's.
    """
    counted = [process["work_per_sample"] for process in processes if "work_per_sample" in process]
    if not counted:
        return None
    operations = work.operations(**counted[0])
    width = BYTES.get(precision)
    weights = None if width is None else work.weights * width
    ceilings = [_ceilings(process) for process in processes]
    rates = [_scaled(_offline(one), operations) for one in figures]
    reads = [None if weights is None else _scaled(_requests(one), weights) for one in figures]
    return Efficiency(
        operations_per_sample=operations,
        weight_bytes=weights,
        arithmetic=next((one["arithmetic"] for one in ceilings if one), None),
        operations_per_second=_median(rates),
        operations_ceiling=_median([one.get("operations_per_second") for one in ceilings]),
        operations_share=_median(_shares(rates, [one.get("operations_per_second") for one in ceilings])),
        bytes_per_second=_median(reads),
        bytes_ceiling=_median([one.get("bytes_per_second") for one in ceilings]),
        bytes_share=_median(_shares(reads, [one.get("bytes_per_second") for one in ceilings])),
    )


def _ceilings(process: Mapping[str, Any]) -> Mapping[str, Any]:
    return process.get("ceilings") or {}


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


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
