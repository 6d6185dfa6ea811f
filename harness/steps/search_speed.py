"""Time the search of single queries in indexes of quantized embeddings, each in pairs with the float32 index.

No deployment is open here: what is timed is the search alone, behind the embedding of the query.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from benchmarks.performance.paired import Burst, PairOfBursts, in_pairs
from benchmarks.statistics.quantized_indexes import INDEXES, Float32Index, Index, IndexKind
from benchmarks.statistics.search import DEPTH
from harness.steps.context import Context
from harness.steps.deployed import TimedOptions
from harness.steps.paired_speed_up import pair_of
from harness.store.atomic import write_json
from harness.store.outputs import read_outputs
from harness.store.step import StepInputs, StepRef
from harness.tasks.columns import matrix

VERSION = 1
LIBRARIES = ("numpy", "faiss-cpu")

FILE = "searches.json"
SECONDS = 0.25
"""Of the bursts of both, for each kind of index."""


class Options(TimedOptions):
    indexes: tuple[IndexKind, ...]
    replicate: int
    """Which fresh process this is, from 0."""
    seed: int


class Inputs(StepInputs):
    queries: StepRef
    """A deployment's outputs on the evaluation data."""
    corpus: StepRef
    """Its outputs on the documents."""


def run(context: Context[Options, Inputs]) -> None:
    import faiss

    faiss.omp_set_num_threads(1)  # a service's threads have a query each
    options, inputs = context.options, context.inputs
    queries, documents = (
        matrix(read_outputs(context.folder(ref), "representation"), "representation")
        for ref in (inputs.queries, inputs.corpus)
    )
    exact = _bursts(Float32Index(documents), queries)
    pairs_by_kind = {}
    for number, kind in enumerate(options.indexes):
        context.progress(f"search in {kind}", number / len(options.indexes))
        own = _bursts(INDEXES[kind](documents), queries)
        pairs_by_kind[kind] = in_pairs(
            exact, own, [1] * len(queries), seconds=SECONDS, seed=options.seed + options.replicate
        )
    write_json(context.destination / FILE, {kind: list(map(asdict, pairs)) for kind, pairs in pairs_by_kind.items()})


def _bursts(index: Index, queries: NDArray[np.float32]) -> Burst:
    """Searches as deep as rankings are judged, one query after the other."""
    each = [queries[number : number + 1] for number in range(len(queries))]

    def burst(numbers: Sequence[int]) -> list[int]:
        timings = []
        for number in numbers:
            before = perf_counter_ns()
            index.search(each[number], DEPTH)
            timings.append(perf_counter_ns() - before)
        return timings

    return burst


def read_searches(folder: Path) -> dict[str, list[PairOfBursts]]:
    """By kind of index."""
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return {kind: list(map(pair_of, pairs)) for kind, pairs in recorded.items()}
