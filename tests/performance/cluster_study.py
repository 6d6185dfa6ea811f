"""How long a large study takes on a cluster, by a simulation of its plan from measured step times.

``python -m tests.performance.cluster_study STORE --measured-examples 1400``: steps take as long, and are as large, as
the median of their kind in STORE; those that run over the data in proportion to the examples. A node does one task at
a time. Comparisons are not in it: they are planned when the rest is done.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path
from statistics import median

from harness.config.load import load_study
from harness.execution.ray_cluster import together
from harness.planning.plan import Plan, make_plan
from harness.store.inventory import kept_steps, size_of
from harness.store.step import Step
from harness.store.steps import Store

FORMATS = ("onnx-fp32", "onnx-fp16", "onnx-int8-dynamic", "onnx-int4")
LAYERS = 12
BY_EXAMPLES = ("outputs",)
"""Kinds whose steps go over all examples."""


def plan_of(deployments: int) -> Plan:
    """One model, and others with half of its layers, in four formats on one backend."""
    count = deployments // len(FORMATS) - 1
    cuts = islice(combinations(range(LAYERS), LAYERS // 2), count)
    models = ["      reference: {checkpoint: {random: bert-base}}"]
    models += [
        f"      cut-{n}: {{checkpoint: {{cut: reference, layers: {list(kept)}}}}}" for n, kept in enumerate(cuts)
    ]
    lines = [
        "study: large",
        f"formats: [{', '.join(FORMATS)}]",
        "backends: [onnxruntime-cpu]",
        "performance: {scenarios: [single-stream, offline], tune: false}",
        "tasks:",
        "  text-classification:",
        "    reference: reference",
        "    labels: [negative, positive]",
        "    models:",
        *models,
        "    data: {evaluation: {embedded: evaluation, size: 1000}}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.yaml"
        file.write_text("\n".join(lines))
        return make_plan(load_study(file))


def hours(stages: Sequence[Sequence[Step]], seconds: Mapping[str, float], nodes: int) -> float:
    """Until all is done, when each task goes to the first node that is free, in the order of the plan."""
    done_at: dict[str, float] = {}
    now = 0.0
    for steps in stages:
        free = [now] * nodes
        for unit in together(steps):
            ready = max((done_at.get(ref.key, 0.0) for step in unit for ref in step.inputs.refs), default=0.0)
            end = max(heapq.heappop(free), ready) + sum(seconds[step.kind] for step in unit)
            heapq.heappush(free, end)
            done_at |= dict.fromkeys((step.key for step in unit), end)
        now = max(free)
    return now / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--measured-examples", type=int, required=True, help="of a typical step `outputs` in the store")
    parser.add_argument("--deployments", type=int, default=100)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--start", type=float, default=5, help="seconds in which a process imports what it needs")
    parser.add_argument("--timing", type=float, default=60, help="seconds of a step that times")
    given = parser.parse_args()
    took: defaultdict[str, list[float]] = defaultdict(list)
    sizes: defaultdict[str, list[int]] = defaultdict(list)
    for kept in kept_steps(Store(given.store)):
        took[kept.kind].append(kept.seconds or 0.0)
        sizes[kept.kind].append(size_of(kept.path))
    more = given.examples / given.measured_examples
    times = {"performance": given.timing, "paired_speed_up": given.timing}
    for kind, each in took.items():
        seconds = median(each) * (more if kind in BY_EXAMPLES else 1)
        times.setdefault(kind, seconds + given.start)
    plan = plan_of(given.deployments)
    models = [*plan.checkpoints, *plan.checkpoint_outputs, *plan.artifacts]
    stages = [models, plan.verifications, plan.measurements]
    every = [step for steps in stages for step in steps]
    disk = sum(
        median(sizes[step.kind]) * (more if step.kind in BY_EXAMPLES else 1) for step in every if step.kind in sizes
    )
    print(f"{len(plan.deployments)} deployments, {given.examples:,} examples, {len(every)} steps, {disk / 1e9:.0f} GB")
    for nodes in (1, 2, 4, 8, 16, 32):
        by_stage = [hours([steps], times, nodes) for steps in stages]
        parts = ", ".join(f"{each:.1f}" for each in by_stage)
        print(f"{nodes:>3} nodes: {sum(by_stage):6.1f} hours (models, verifications, measurements: {parts})")


if __name__ == "__main__":
    main()
