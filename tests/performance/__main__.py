"""Speed as ratios, in one interleaved run: ``python -m tests.performance`` (``make bench``).

Nothing here passes or fails; figures go to docs/performance.md with machine and date.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from backends.backend import Backend
from backends.batching import infer_all, pad
from backends.host.machine import environment, usable_cores
from backends.onnxruntime.cpu import OnnxRuntime
from backends.registry import open_backend
from benchmarks.performance.latency import Latency, single_stream
from exporters.artifact import export
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import RandomCheckpoint
from harness.demo.corpora import generate
from harness.planning.deployed import TOKEN_BUDGETS
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.task import task_for

TASK = "text-classification"
ROUNDS = 9
TOKEN_BUDGET = TOKEN_BUDGETS["cpu"]


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        artifact = _artifact(Path(scratch))
        with open_backend(
            "onnxruntime-cpu", artifact, format="onnx-fp32", task=TASK, threads=usable_cores()
        ) as backend:
            _report([_overhead(backend), *_batching(backend, artifact)])


def _artifact(scratch: Path) -> Path:
    checkpoint, artifact = scratch / "checkpoint", scratch / "artifact"
    artifact.mkdir()
    materialize(
        RandomCheckpoint(random="bert-tiny"),
        checkpoint,
        task=TASK,
        labels=("negative", "positive"),
        seed=0,
        resolve=Path,
        allow_new_head=True,
    )
    export("onnx-fp32", checkpoint, artifact, task=TASK, pooling="cls", calibration=None)
    return artifact


def _overhead(backend: Backend) -> tuple[str, list[float]]:
    """Latency as reported against a bare loop over the same session, batch 1, length 128."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1000, 30000, (1, 128), dtype=np.int64)
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    feeds = {name: feeds[name] for name in backend.inputs}
    assert isinstance(backend, OnnxRuntime)
    session = backend._session

    def ours() -> float:
        timings, _ = single_stream(
            lambda _: backend.infer(feeds), 100, min_warmup_seconds=0.1, min_seconds=0.3, min_count=100
        )
        return Latency.of(timings).p50_ms

    def bare() -> float:
        times = []
        for _ in range(200):
            before = time.perf_counter_ns()
            session.run(None, feeds)
            times.append(time.perf_counter_ns() - before)
        return median(times) / 1e6

    return "single-stream p50 against a bare session.run loop", _ratios(ours, bare)


def _batching(backend: Backend, artifact: Path) -> list[tuple[str, list[float]]]:
    """Time for 1,000 real texts by token budget against other ways to batch the same features."""
    texts = generate("text-classification", "train", 1000, 0)
    features = task_for(TASK, max_length=128).encode(read_tokenizer(artifact), texts)
    rows = np.arange(len(features.example))
    by_length = np.argsort([len(ids) for ids in features.inputs["input_ids"]], kind="stable")

    def ours() -> float:
        return _seconds(lambda: infer_all(backend, features.inputs, token_budget=TOKEN_BUDGET, per_token=frozenset()))

    def batches_of_32(order: np.ndarray, length: int | None) -> float:
        def run() -> None:
            for start in range(0, len(order), 32):
                backend.infer(pad(features.inputs, order[start : start + 32], length=length))

        return _seconds(run)

    return [
        ("token budget against batches of 32 padded to 128", _ratios(ours, lambda: batches_of_32(rows, 128))),
        ("token budget against length-sorted batches of 32", _ratios(ours, lambda: batches_of_32(by_length, None))),
    ]


def _seconds(run: Callable[[], object]) -> float:
    before = time.perf_counter()
    run()
    return time.perf_counter() - before


def _ratios(ours: Callable[[], float], theirs: Callable[[], float]) -> list[float]:
    """Time of ours over theirs, pair by pair, so that a drift of the machine hits both alike."""
    ours(), theirs()
    return [ours() / theirs() for _ in range(ROUNDS)]


def _report(rows: list[tuple[str, list[float]]]) -> None:
    console = Console(width=100)
    cpu = environment()["cpu"]
    console.print(f"{cpu['model']}, {cpu['cores']} cores; time as a ratio, below 1 is faster; {ROUNDS} pairs each")
    table = Table(box=None)
    for column in ("what", "median", "lowest", "highest"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, ratios in rows:
        table.add_row(name, f"{median(ratios):.3f}", f"{min(ratios):.3f}", f"{max(ratios):.3f}")
    console.print(table)


if __name__ == "__main__":
    main()
