"""Divergence of the probabilities of two deployments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Floats

_SMALLEST = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Distributions:
    """All distributions of a deployment end to end, so that a pair costs a few array operations."""

    values: Floats
    entropies: Floats  # (n,) summed over an example's distributions, in nats
    starts: NDArray[np.intp]
    rows: NDArray[np.intp]
    shapes: tuple[tuple[int, int], ...]

    @staticmethod
    def of(examples: Sequence[NDArray[np.floating]], n: int, name: str) -> Distributions:
        if len(examples) != n:
            raise BenchmarkError(f"probabilities of {name}: {len(examples)} examples, expected {n}")
        tables = [np.atleast_2d(np.asarray(example, dtype=np.float64)) for example in examples]
        for position, table in enumerate(tables):
            # A softmax of FP16 logits sums to 1 within 1e-3; anything else is no distribution.
            if not (table.size and (table >= 0).all() and np.abs(table.sum(axis=1) - 1).max() < 1e-3):
                raise BenchmarkError(f"probabilities of {name}: example {position} does not sum to 1 in every row")
        values = np.concatenate([(table / table.sum(axis=1, keepdims=True)).ravel() for table in tables])
        sizes = np.array([table.size for table in tables])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        return Distributions(
            values=values,
            entropies=np.add.reduceat(_entropy(values), starts),
            starts=starts,
            rows=np.array([len(table) for table in tables], dtype=np.intp),
            shapes=tuple((len(table), table.shape[1]) for table in tables),
        )

    def divergence(self, other: Distributions) -> Floats:
        """(n,) Jensen-Shannon divergence in bits (Lin 1991), averaged over an example's distributions."""
        mixed = np.add.reduceat(_entropy((self.values + other.values) / 2), self.starts)
        nats = (mixed - (self.entropies + other.entropies) / 2) / self.rows
        return np.asarray(np.clip(nats / np.log(2), 0, 1), dtype=np.float64)


def _entropy(p: Floats) -> Floats:
    """-p log p, 0 at 0. NumPy's logarithm is vectorised, which scipy's `entr` is not."""
    return np.asarray(-p * np.log(np.maximum(p, _SMALLEST)), dtype=np.float64)
