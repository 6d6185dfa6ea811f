"""Fixed shapes, batch x sequence length: the surface of latency over both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.performance.latency import single_stream
from benchmarks.performance.load_generator import Timings


@dataclass(frozen=True)
class Shape:
    """Raw timings of one shape."""

    batch: int
    length: int
    timings: Timings | None
    """None: it could not be run."""
    reason: str
    """Why it could not; empty where it could."""


def sweep(
    infer: Callable[[int, int], Callable[[], object]],
    batches: Sequence[int],
    lengths: Sequence[int],
    *,
    min_seconds: float,
    min_count: int,
    refused: type[Exception],
) -> list[Shape]:
    """Time ``infer(batch, length)()`` for every shape, each after a warm-up of its own.

    A shape for which it raises ``refused`` is recorded with the reason, and the rest goes on.
    """
    shapes = []
    for batch in batches:
        for length in lengths:
            call = infer(batch, length)
            try:
                timings, _ = single_stream(
                    lambda _, call=call: call(),  # type: ignore[misc]
                    1,
                    min_warmup_seconds=0,
                    max_warmup_seconds=max(1.0, min_seconds),
                    min_seconds=min_seconds,
                    min_count=min_count,
                )
            except refused as error:
                shapes.append(Shape(batch, length, None, str(error)))
            else:
                shapes.append(Shape(batch, length, timings, ""))
    return shapes
