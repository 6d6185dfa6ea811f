"""BERT-large with random weights: our latencies and memory against what others measure on the very same files.

``python -m tests.performance.bert_large`` exports the model, which takes ten minutes and 10 GB; ``--artifacts`` keeps
the files for the next time. Latency on ONNX Runtime is held against `onnxruntime.transformers.bert_perf_test`, on
OpenVINO against its `benchmark_app`, and memory against ``/usr/bin/time -v`` of a minimal script. Each figure is of a
fresh process; ours and theirs take turns, and the median of the ratios is printed.

Nothing here passes or fails; figures go to docs/performance.md with machine and date.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from backends.host.machine import environment, usable_cores
from backends.host.memory import MemoryProbe
from backends.registry import open_backend
from benchmarks.performance.latency import Latency
from benchmarks.performance.sweep import sweep

TASK = "question-answering"
FORMAT_NAMES = ("onnx-fp32", "onnx-fp16", "onnx-int8-dynamic", "onnx-int8-static")
BACKENDS = ("onnxruntime-cpu", "openvino-cpu")
SHAPES = ("1x128", "1x384", "8x128", "8x384")

MINIMAL = """
import sys, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[2])
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
ids = numpy.ones((1, 128), dtype=numpy.int64)
session.run(None, {port.name: ids for port in session.get_inputs()})
"""
BARE = "import numpy"


def main() -> None:
    arguments = _arguments()
    if arguments.one:
        _one(arguments)
        return
    with tempfile.TemporaryDirectory() as scratch:
        artifacts = arguments.artifacts or Path(scratch)
        for name in (*arguments.formats, "onnx-fp32"):
            _artifact(name, artifacts)
        cpu = environment()["cpu"]
        print(f"{cpu['model']}, {cpu['cores']} cores; {arguments.rounds} fresh processes each, in turns", flush=True)
        if arguments.memory:
            _memory(artifacts, arguments.rounds)
            return
        print("| format | backend | batch x length | ours, ms | theirs, ms | ours / theirs | lowest to highest |")
        print("|---|---|---|---|---|---|---|")
        for format, backend, shape in _cells(arguments):
            batch, length = map(int, shape.split("x"))
            pairs = []
            for _ in range(arguments.rounds):
                ours = _ours(artifacts, format, backend, shape, arguments.count)
                pairs.append((ours, _theirs(artifacts / format, backend, batch, length, arguments.count)))
            ratios = [ours / theirs for ours, theirs in pairs]
            ours, theirs = (median(side) for side in zip(*pairs, strict=True))
            print(
                f"| {format} | {backend} | {shape} | {ours:.1f} | {theirs:.1f} | {median(ratios):.3f} "
                f"| {min(ratios):.3f} to {max(ratios):.3f} |",
                flush=True,
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Our figures of BERT-large against those of others.")
    parser.add_argument("--artifacts", type=Path, help="a folder to keep the exported files in")
    parser.add_argument("--formats", nargs="+", default=FORMAT_NAMES)
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="batch x length, such as 1x128")
    parser.add_argument("--count", type=int, default=20, help="inferences a process")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each side")
    parser.add_argument("--memory", action="store_true", help="memory instead of latency")
    parser.add_argument("--one", choices=("latency", "memory"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _cells(arguments: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    for shape in arguments.shapes:
        for format in arguments.formats:
            for backend in arguments.backends:
                yield format, backend, shape


def _artifact(format: str, artifacts: Path) -> Path:
    # Here: the process whose memory is measured must not have loaded them.
    from exporters.artifact import export
    from exporters.formats import FORMATS
    from harness.checkpoints.materialize import materialize
    from harness.config.checkpoints import RandomCheckpoint

    folder = artifacts / format
    if (folder / "manifest.json").exists():
        return folder
    parent = FORMATS[format].parent
    if parent:
        source = _artifact(parent, artifacts)
    else:
        source = artifacts / "checkpoint"
        bert_large = RandomCheckpoint(random="bert-large")
        materialize(bert_large, source, task=TASK, labels=(), seed=0, resolve=Path, allow_new_head=True)
    folder.mkdir(parents=True)
    export(format, source, folder, task=TASK, pooling="cls", calibration=_calibration())
    return folder


def _calibration() -> list[dict[str, np.ndarray]]:
    return [_feeds(4, length) for length in (32, 64, 128)]


def _feeds(batch: int, length: int) -> dict[str, np.ndarray]:
    ids = np.random.default_rng(0).integers(1000, 30000, (batch, length), dtype=np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def _one(arguments: argparse.Namespace) -> None:
    """In a fresh process: one figure of ours, as JSON."""
    (format,), (name,), (shape,) = arguments.formats, arguments.backends, arguments.shapes
    batch, length = map(int, shape.split("x"))
    probe = MemoryProbe()
    artifact = arguments.artifacts / format
    with open_backend(name, artifact, format=format, task=TASK, threads=usable_cores()) as backend:
        if arguments.one == "memory":
            backend.infer(_feeds(batch, length))
            print(json.dumps(probe.peak_bytes()))
            return
        feeds = _feeds(batch, length)
        (found,) = sweep(
            lambda batch, length: lambda: backend.infer(feeds),
            [batch],
            [length],
            min_seconds=0.1,
            min_count=arguments.count,
            refused=ValueError,
        )
        assert found.timings is not None
        print(json.dumps(Latency.of(found.timings).p50_ms))


def _ours(artifacts: Path, format: str, backend: str, shape: str, count: int, figure: str = "latency") -> float:
    command = [sys.executable, "-m", "tests.performance.bert_large", "--one", figure, "--artifacts", str(artifacts)]
    command += ["--formats", format, "--backends", backend, "--shapes", shape, "--count", str(count)]
    return float(json.loads(_said(command).splitlines()[-1]))


def _theirs(artifact: Path, backend: str, batch: int, length: int, count: int) -> float:
    """Median latency in ms, as the runtime's own tool prints it."""
    if backend == "openvino-cpu":
        return _benchmark_app(artifact / "model.onnx", batch, length, count)
    return _bert_perf_test(artifact / "model.onnx", batch, length, count)


def _bert_perf_test(model: Path, batch: int, length: int, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:  # it writes its results beside the model
        for file in model.parent.iterdir():
            (Path(folder) / file.name).symlink_to(file.resolve())
        arguments = ["--model", str(Path(folder) / model.name), "-b", str(batch), "-s", str(length)]
        arguments += ["--samples", str(count), "-t", "1", "-n", str(usable_cores())]
        # As a script, since it imports its neighbours by their bare names.
        transformers = importlib.util.find_spec("onnxruntime.transformers")
        assert transformers is not None and transformers.submodule_search_locations is not None
        script = Path(transformers.submodule_search_locations[0]) / "bert_perf_test.py"
        _said([sys.executable, str(script), *arguments])
        heading, row = next(Path(folder).glob("perf_results_*.txt")).read_text().splitlines()[:2]
        return float(dict(zip(heading.split("\t"), row.split("\t"), strict=False))["Latency_P50"])


def _benchmark_app(model: Path, batch: int, length: int, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for name, array in _feeds(batch, length).items():
            files[name] = Path(folder) / f"{name}.npy"
            np.save(files[name], array)
        shape = f"[{batch},{length}]"
        said = _said(
            [
                *(sys.executable, "-c", "from openvino.tools.benchmark.main import main; main()"),
                *("-m", str(model), "-d", "CPU", "-api", "sync", "-hint", "none"),
                *("-nstreams", "1", "-nthreads", str(usable_cores()), "-infer_precision", "f32"),
                *("-niter", str(count), "-data_shape", ",".join(f"{name}{shape}" for name in files)),
                *("-i", ",".join(f"{name}:{file}" for name, file in files.items())),
            ]
        )
    found = re.search(r"Median:\s+([\d.]+) ms", said)
    if found is None:
        raise SystemExit(f"benchmark_app printed no median: {said[-2000:]}")
    return float(found[1])


def _memory(artifacts: Path, rounds: int) -> None:
    model = str(artifacts / "onnx-fp32" / "model.onnx")
    pairs = []
    for _ in range(rounds):
        ours = _ours(artifacts, "onnx-fp32", "onnxruntime-cpu", "1x128", 1, "memory") / 2**20
        theirs = _peak_by_time([sys.executable, "-c", MINIMAL, model, str(usable_cores())])
        theirs -= _peak_by_time([sys.executable, "-c", BARE])
        pairs.append((ours, theirs / 2**20))
        print(f"  ours {ours:,.0f} MiB, by /usr/bin/time {theirs / 2**20:,.0f} MiB", flush=True)
    ours, theirs = (median(side) for side in zip(*pairs, strict=True))
    print(f"peak memory of BERT-large FP32, 1x128: {ours:,.0f} against {theirs:,.0f} MiB, ratio {ours / theirs:.3f}")


def _peak_by_time(command: Sequence[str]) -> int:
    done = subprocess.run(["/usr/bin/time", "-v", *command], capture_output=True, text=True, check=True)
    found = re.search(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr)
    assert found is not None
    return int(found[1]) * 1024


def _said(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}\n{done.stdout[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
