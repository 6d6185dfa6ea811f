"""Paired speed-ups of an artifact against itself: how near to 1, and how often does the interval hold 1?

``python -m tests.performance.paired [--tries 100] [--processes 6] [--seconds 0.5] [--disturbance 0.5] [--model small]``

Two openings of one artifact of the embedded family are timed in pairs as `scalemodel run` does, every try in fresh
processes, while another process takes ``--disturbance`` of a core. Beside it, from the same timings, what the ratio of
the medians of both would have been.

Nothing here passes or fails; figures go to docs/performance.md with machine and date.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from backends.host.machine import environment
from benchmarks.performance.paired import PairOfBursts, SpeedUp, speed_up
from exporters.artifact import export
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import EmbeddedCheckpoint
from harness.demo.corpora import generate
from harness.inference.options import DeploymentOptions, TaskOptions
from harness.planning.context import this_machine
from harness.planning.deployed import TOKEN_BUDGETS
from harness.steps.paired_speed_up import Side, time_pairs

TASK = "text-classification"
SAMPLES = 32
WITHIN = 0.02
PERIOD = 0.02
"""Seconds in which the disturbance works and rests."""


def main() -> None:
    parser = argparse.ArgumentParser(description="An artifact against itself, in pairs.")
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--processes", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=0.5, help="performance.min_seconds")
    parser.add_argument("--disturbance", type=float, default=0.5, help="of a core, by another process")
    parser.add_argument("--model", default="reference")
    chosen = parser.parse_args()
    cpu = environment()["cpu"]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{cpu['model']}, {cpu['cores']} cores, load {load}; {chosen.model}, {chosen.processes} processes a try")
    found: list[SpeedUp] = []
    medians: list[float] = []
    with tempfile.TemporaryDirectory() as scratch, _disturbed(chosen.disturbance):
        side = _side(_artifact(Path(scratch), chosen.model))
        for number in range(chosen.tries):
            processes = [
                time_pairs(side, side, number=process, seconds=chosen.seconds, seed=number * chosen.processes)
                for process in range(chosen.processes)
            ]
            found.append(speed_up(processes))
            medians.append(median(map(_ratio_of_medians, processes)))
            if (number + 1) % 10 == 0 or number + 1 == chosen.tries:
                _tell(found, medians)


def _tell(found: Sequence[SpeedUp], medians: Sequence[float]) -> None:
    intervals = [one.interval for one in found if one.interval is not None]
    covered = sum(low <= 1 <= high for low, high in intervals)
    width = median(high / low - 1 for low, high in intervals) if intervals else 0.0
    print(
        f"{len(found)} tries: {sum(abs(one.ratio - 1) <= WITHIN for one in found)} within {WITHIN:.0%} "
        f"({min(one.ratio for one in found):.3f} to {max(one.ratio for one in found):.3f}), "
        f"{covered} intervals hold 1 (median width {width:.1%}); "
        f"ratios of medians: {sum(abs(one - 1) <= WITHIN for one in medians)} within {WITHIN:.0%} "
        f"({min(medians):.3f} to {max(medians):.3f}); load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _artifact(scratch: Path, model: str) -> Path:
    checkpoint, artifact = scratch / "checkpoint", scratch / "artifact"
    artifact.mkdir()
    labels = ("negative", "positive")
    materialize(
        EmbeddedCheckpoint(embedded=model),
        checkpoint,
        task=TASK,
        labels=labels,
        seed=0,
        resolve=Path,
        allow_new_head=False,
    )
    export("onnx-fp32", checkpoint, artifact, task=TASK, pooling="mean")
    return artifact


def _side(artifact: Path) -> Side:
    options = DeploymentOptions(
        backend="onnxruntime-cpu",
        format="onnx-fp32",
        task=TaskOptions(name=TASK, labels=("negative", "positive"), max_length=128),
        pooling="mean",
        threads=this_machine().cores,
        token_budget=TOKEN_BUDGETS["cpu"],
    )
    return Side.of(artifact, options, generate(TASK, "evaluation", SAMPLES, 0))


def _ratio_of_medians(pairs: Sequence[PairOfBursts]) -> float:
    """Of the same timings, but not request by request."""
    reference = median(taken for pair in pairs for taken in pair.reference)
    candidate = median(taken for pair in pairs for taken in pair.candidate)
    return reference / candidate


@contextmanager
def _disturbed(share: float) -> Iterator[None]:
    """Another process that computes ``share`` of the time, and ends with this one though that is killed."""
    work = (
        "import os, sys, time\n"
        "busy, idle, parent = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])\n"
        "while os.getppid() == parent:\n"
        "    end = time.perf_counter() + busy\n"
        "    while time.perf_counter() < end: pass\n"
        "    time.sleep(idle)\n"
    )
    times = (str(share * PERIOD), str((1 - share) * PERIOD))
    process = subprocess.Popen([sys.executable, "-c", work, *times, str(os.getpid())])
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
