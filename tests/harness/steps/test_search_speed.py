"""The step `search_speed`: searches of real indexes, timed in turns, and what becomes of the pairs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from harness.data.arrow import pa, pq
from harness.results.performance import search_speed_up
from harness.steps import search_speed
from harness.steps.context import Context
from harness.steps.search_speed import FILE, read_searches
from harness.store.outputs import FILE as OUTPUTS
from harness.store.step import Step, StepRef
from harness.store.steps import Store
from harness.tasks.columns import float_lists

QUERIES = 12


def test_each_kind_is_timed_in_turns_with_float32(tmp_path: Path) -> None:
    store, generator = Store(tmp_path), np.random.default_rng(0)
    for name, rows in (("q", QUERIES), ("c", 3000)):
        folder = store.path("outputs", name)
        folder.mkdir(parents=True)
        vectors = list(generator.standard_normal((rows, 64)).astype(np.float32))
        pq.write_table(pa.table({"representation": float_lists(vectors)}), folder / OUTPUTS)
    options = search_speed.Options(indexes=("int8", "binary"), replicate=0, seed=0, machine={})
    inputs = search_speed.Inputs(queries=StepRef(kind="outputs", key="q"), corpus=StepRef(kind="outputs", key="c"))
    step = Step("search_speed", "s", "time searches", "searches", {}, options, inputs)
    context: Context[search_speed.Options, search_speed.Inputs] = Context(step, store, store.begin(step), io.StringIO())
    search_speed.run(context)
    assert [path.name for path in context.destination.iterdir()] == [FILE]
    found = read_searches(context.destination)
    assert list(found) == ["int8", "binary"]
    for pairs in found.values():
        assert len(pairs) >= 15 and {pair.reference_first for pair in pairs} == {True, False}
        assert all(set(pair.samples) <= set(range(QUERIES)) for pair in pairs)
        assert all(len(pair.samples) == len(pair.reference) == len(pair.candidate) for pair in pairs)
        told = search_speed_up([pairs, pairs])
        assert (told.pairs, told.processes) == (2 * len(pairs), 2)
        assert told.float32_ms == np.median([one for pair in pairs for one in pair.reference]) / 1e6
        assert told.interval == pytest.approx((told.ratio, told.ratio))  # of equal processes
