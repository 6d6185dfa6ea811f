"""What Ray adds to a step: ``python -m tests.performance.ray_overhead``, beside a cluster that runs here.

The same short steps one after the other, each in a process of its own: started here, and as tasks of the cluster. They
need each other, so that no two are done at once.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness.config.checkpoints import CutCheckpoint
from harness.execution.processes import Executor, LocalProcesses
from harness.execution.ray_cluster import RayCluster
from harness.store.step import StepRef
from harness.store.steps import Store
from tests.harness.execution.test_processes import getting

STEPS = 10


def seconds(executor: Executor, folder: Path) -> float:
    """Of one step."""
    # Each is told at once that what it needs is not there: no process does less.
    cut = CutCheckpoint(cut="before", layers=(0,))
    steps = [getting(str(number), cut, StepRef(kind="checkpoint", key=str(number - 1))) for number in range(STEPS)]
    steps = [replace(step, group=step.key) for step in steps]
    store = Store(folder / "store")
    with (folder / "log.txt").open("w") as log:
        began = time.perf_counter()
        for batch in executor.batches(steps):
            executor.run(
                batch,
                store,
                steps_folder=folder / "steps",
                log=log,
                timeout_seconds=600,
                listen=lambda step, event: None,
            )
        return (time.perf_counter() - began) / STEPS


def main() -> None:
    cluster, local = RayCluster(None), LocalProcesses()
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("warm", "cluster", "here")]
        for place in places:
            place.mkdir()
        seconds(cluster, places[0])  # Ray keeps the processes that have done a task
        there, here = seconds(cluster, places[1]), seconds(local, places[2])
    print(f"a step: {here:.2f} s here, {there:.2f} s as a task of Ray: {there - here:+.2f} s")


if __name__ == "__main__":
    main()
