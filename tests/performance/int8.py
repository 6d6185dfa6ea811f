"""INT8 against FP32: ``python -m tests.performance.int8`` (not part of ``make bench``: it takes ten minutes and 6 GB).

BERT-large with random weights: what the conversions take, how fast the artifacts are on one short text, in turns, and
how far their logits are from FP32 on padded rows. With ``--checkpoint``, ``--train`` and ``--dev``: exact match and F1
of a model fine-tuned on SQuAD 2.0 in the same formats.

Nothing here passes or fails; figures go to docs/performance.md with machine and date.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from backends.batching import pad
from backends.host.machine import environment, usable_cores
from backends.registry import open_backend
from exporters.artifact import export
from exporters.formats import FORMATS
from exporters.manifest import read_manifest
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import RandomCheckpoint
from harness.data.sampling import sample
from harness.data.squad import read_squad
from harness.inference.deployment import DeploymentRunner
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.task import task_for

TASK = "question-answering"
INT8 = ("onnx-int8-dynamic", "onnx-int8-static")
BACKENDS = ("onnxruntime-cpu", "openvino-cpu")
ROUNDS, CALLS = 9, 3
Batch = dict[str, NDArray[np.int64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="folder of a checkpoint fine-tuned on SQuAD 2.0")
    parser.add_argument("--train", type=Path, help="SQuAD file that calibrates")
    parser.add_argument("--dev", type=Path, help="SQuAD file that is answered")
    given = parser.parse_args()
    cpu = environment()["cpu"]
    console = Console(width=120)
    console.print(f"{cpu['model']}, {cpu['cores']} cores, {usable_cores()} used")
    with tempfile.TemporaryDirectory() as scratch:
        if given.checkpoint is None:
            _speed(console, Path(scratch))
        else:
            _quality(console, Path(scratch), given.checkpoint, given.train, given.dev)


# --- BERT-large: conversion, speed, error ----------------------------------------------------------


def _speed(console: Console, scratch: Path) -> None:
    checkpoint = scratch / "checkpoint"
    _apart(_random_checkpoint, checkpoint)
    artifacts, table = {}, _table("BERT-large", "seconds", "peak MB", "of the FP32 file", "MB")
    for format in ("onnx-fp32", *INT8):
        artifacts[format] = folder = scratch / format
        folder.mkdir()
        source = artifacts.get(FORMATS[format].parent or "", checkpoint)
        seconds, peak = _apart(_convert, format, source, folder, [_batch(8, 384), _batch(8, 128)])
        size, fp32 = ((artifacts[name] / "model.onnx").stat().st_size for name in (format, "onnx-fp32"))
        table.add_row(format, f"{seconds:.0f}", f"{peak / 1e6:,.0f}", f"{peak / fp32:.2f}x", f"{size / 1e6:,.0f}")
    console.print(table)
    for backend in BACKENDS:
        console.print(_apart(_compare, backend, artifacts))


def _random_checkpoint(checkpoint: Path) -> None:
    source = RandomCheckpoint(random="bert-large")
    materialize(source, checkpoint, task=TASK, labels=(), seed=0, resolve=Path, allow_new_head=True)


def _convert(format: str, source: Path, destination: Path, calibration: list[Batch]) -> tuple[float, int]:
    """Seconds, and the process's peak resident memory in bytes."""
    before = time.perf_counter()
    export(format, source, destination, task=TASK, pooling="cls", calibration=calibration)
    return time.perf_counter() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _compare(backend: str, artifacts: dict[str, Path]) -> Table:
    """Milliseconds at batch 1, length 128, in turns, and the largest error on rows of 128 to 40 tokens."""
    short, padded = _batch(1, 128), _batch(4, 128)
    with ExitStack() as stack:
        opened = {
            name: stack.enter_context(open_backend(backend, folder, format=name, task=TASK, threads=usable_cores()))
            for name, folder in artifacts.items()
        }
        expected = opened["onnx-fp32"].infer(padded)
        times: dict[str, list[float]] = {name: [] for name in opened}
        for _ in range(ROUNDS):
            for name, artifact in opened.items():
                artifact.infer(short)
                times[name].append(median(_seconds(lambda: artifact.infer(short)) for _ in range(CALLS)))  # noqa: B023
        table = _table(backend, "ms", "speed", "lowest", "highest", "largest logit error", "on padded rows")
        for name, artifact in opened.items():
            ratios = [fp32 / own for fp32, own in zip(times["onnx-fp32"], times[name], strict=True)]
            given = artifact.infer(padded)
            errors = np.maximum.reduce(
                [
                    np.where(padded["attention_mask"], np.abs(given[logits] - expected[logits]), 0).max(axis=1)
                    for logits in ("start_logits", "end_logits")
                ]
            )
            table.add_row(
                name,
                f"{1e3 * median(times[name]):.0f}",
                *(f"{value:.2f}x" for value in (median(ratios), min(ratios), max(ratios))),
                *(f"{value:.3f}" for value in (errors.max(), errors[1:].max())),
            )
        return table


def _batch(rows: int, length: int) -> Batch:
    """Random words; the first row fills the batch, the others are shorter and shorter, down to a third."""
    lengths = np.linspace(length, length // 3, rows).astype(int)
    mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
    words = np.random.default_rng(length).integers(1000, 20000, (rows, length))
    return {"input_ids": words * mask, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}


# --- a fine-tuned model: exact match and F1 --------------------------------------------------------


def _quality(console: Console, scratch: Path, checkpoint: Path, train: Path, dev: Path) -> None:
    task, examples = task_for(TASK), read_squad(dev)
    features = task.encode(read_tokenizer(checkpoint), sample(read_squad(train), 128, seed=0))
    order = np.random.default_rng(0).permutation(len(features.example))[:128]
    calibration = [pad(features.inputs, order[start : start + 8]) for start in range(0, len(order), 8)]
    artifacts: dict[str, Path] = {}
    tables: dict[str, Any] = {}
    for format in ("onnx-fp32", *INT8):
        artifacts[format] = folder = scratch / format
        folder.mkdir()
        source = artifacts.get(FORMATS[format].parent or "", checkpoint)
        export(format, source, folder, task=TASK, pooling="cls", calibration=calibration)
        for backend in BACKENDS:
            with open_backend(backend, folder, format=format, task=TASK, threads=usable_cores()) as opened:
                tables[f"{format}@{backend}"] = DeploymentRunner(opened, read_tokenizer(folder), task, 2048).table(
                    examples
                )
    reference = next(iter(tables.values()))["prediction"].to_pylist()
    table = _table(f"{len(examples)} questions", "exact match", "F1", "same answer as FP32")
    for name, found in tables.items():
        same = np.mean([one == other for one, other in zip(found["prediction"].to_pylist(), reference, strict=True)])
        table.add_row(name, *(f"{100 * np.mean(found[score]):.2f}" for score in ("exact", "f1")), f"{100 * same:.1f} %")
    console.print(table)
    report = read_manifest(artifacts["onnx-int8-static"]).sensitivity or {}
    console.print({name: report[name] for name in ("together", "left_float", "rows", "tokens")})
    console.print(dict(sorted(report["groups"].items(), key=lambda item: -item[1])[:6]))


# --- common ----------------------------------------------------------------------------------------


def _apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run in a fresh process, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _seconds(run: Callable[[], object]) -> float:
    before = time.perf_counter()
    run()
    return time.perf_counter() - before


def _table(what: str, *columns: str) -> Table:
    table = Table(box=None)
    table.add_column(what)
    for column in columns:
        table.add_column(column, justify="right")
    return table


if __name__ == "__main__":
    main()
