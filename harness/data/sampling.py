"""Fewer examples of the same kind: seeded, stratified, in the order of the file."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from harness.examples.records import Example


def sample(examples: Sequence[Example], size: int, *, seed: int) -> list[Example]:
    """Keep ``size`` examples (all, if there are no more), each stratum in its share.

    Strata are answerable and unanswerable questions, or the labels; shares are rounded by largest
    remainder. Inside a stratum the examples with the smallest hash of seed and id are kept, so the choice
    depends neither on the order of the file nor on a library's random numbers, and a smaller sample is
    mostly part of a larger one.
    """
    if size >= len(examples):
        return list(examples)
    strata: dict[int, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        strata[example.stratum].append(index)
    counts = _shares({key: len(indices) for key, indices in strata.items()}, size)
    kept: list[int] = []
    for key, indices in strata.items():
        by_hash = sorted(indices, key=lambda index: (_hash(examples[index], seed), index))
        kept += by_hash[: counts[key]]
    return [examples[index] for index in sorted(kept)]


def _hash(example: Example, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{example.id}".encode()).digest()


def _shares(sizes: dict[int, int], total: int) -> dict[int, int]:
    """``total`` divided in proportion to ``sizes``, in whole numbers (Hamilton's method)."""
    everything = sum(sizes.values())
    counts = {key: total * size // everything for key, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda key: (-(total * sizes[key] % everything), key))
    for key in by_remainder[: total - sum(counts.values())]:
        counts[key] += 1
    return counts
