"""How long a large study takes on a cluster, by a simulation of its plan from measured step times.

``scalemodel run tests/performance/cluster_steps.yaml --store STORE``, and then ``python -m
tests.performance.cluster_study STORE``: a hundred deployments, trained and attacked. Steps take as long, and are as
large, as the median of their kind in STORE; those that go over data in proportion to it. A node does one task at a
time. Comparisons are not in it: they are planned when the rest is done.

Beside it stands how long the trainings, evaluations and attacks take by themselves, and how long if each were divided
over all nodes, evenly and at no other cost than a process for each part: the most that dividing them over examples
could save.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path
from statistics import median

from harness.config.load import load_study
from harness.execution.ray_cluster import is_timed, together
from harness.planning.plan import Plan, make_plan
from harness.planning.transfers import transfers
from harness.store.inventory import kept_steps, size_of
from harness.store.step import Step
from harness.store.steps import Store

FORMATS = ("onnx-fp32", "onnx-fp16", "onnx-int8-dynamic", "onnx-int4")
LAYERS = 12
PARTS: dict[str, tuple[str, ...]] = {
    "training": ("training",),
    "evaluation": ("outputs",),
    "attack": ("attack", "random_swaps", "transfer"),
}
NODES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Amount:
    """What steps go over."""

    examples: int
    trained: int
    """Examples, each as often as there are epochs."""
    texts: int
    """That each deployment is attacked on."""
    shown: int
    """Attacked texts of all deployments."""

    def of(self, kind: str) -> int:
        """What a step of the kind goes over; 1: its time depends on none of this."""
        kinds = {"outputs": self.examples, "training": self.trained, "transfer": self.shown}
        return kinds.get(kind, self.texts if kind in ("attack", "random_swaps") else 1)


class Finished(Store):
    """One that has every step."""

    def has(self, kind: str, key: str) -> bool:
        return True


def plan_of(deployments: int) -> Plan:
    """One model, and others with half of its layers, in four formats on one backend; all are trained and attacked."""
    count = deployments // len(FORMATS) - 1
    cuts = islice(combinations(range(LAYERS), LAYERS // 2), count)
    models = ["      reference: {checkpoint: {random: bert-base}, training: {}}"]
    models += [
        f"      cut-{n}: {{checkpoint: {{cut: reference, layers: {list(kept)}}}, training: {{}}}}"
        for n, kept in enumerate(cuts)
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
        "    recipe: {}",
        "    models:",
        *models,
        "    data: {train: {embedded: train, size: 1000}, evaluation: {embedded: evaluation, size: 1000}}",
        "    characteristics: {attack: {masked_language_model: {checkpoint: {embedded: reviews}}}}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.yaml"
        file.write_text("\n".join(lines))
        return make_plan(load_study(file))


def stages_of(plan: Plan) -> list[list[Step]]:
    """What is done at once, as on a cluster."""
    shown = [step for task in plan.tasks for step in transfers(task, Finished(Path())).values()]
    return [
        [*plan.checkpoints, *plan.checkpoint_outputs, *plan.artifacts],
        [*plan.verifications],
        [*plan.measurements, *plan.attacks],
        shown,
    ]


def hours(
    steps: Sequence[Step], work: Mapping[str, float], start: float, nodes: int, divided: Collection[str] = ()
) -> float:
    """Until all is done, when a node that is free takes the first task, in the order of the plan, that can be done.

    Steps of a kind that is ``divided`` are as many tasks as there are nodes. ``work``: seconds of a step of a kind, to
    which come those of the ``start`` of its process.
    """
    units = together(steps)
    unit_of = {step.key: n for n, unit in enumerate(units) for step in unit}
    waits_for = [
        {unit_of[ref.key] for step in unit for ref in step.inputs.refs if ref.key in unit_of} - {n}
        for n, unit in enumerate(units)
    ]
    parts = [nodes if unit[0].kind in divided else 1 for unit in units]
    left = list(parts)
    ready = [n for n, others in enumerate(waits_for) if not others for _ in range(parts[n])]
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < nodes:
            n = heapq.heappop(ready)
            seconds = sum(work[step.kind] / parts[n] + start for step in units[n])
            heapq.heappush(running, (now + seconds, n))
        now, done = heapq.heappop(running)
        left[done] -= 1
        if left[done]:
            continue
        for n, others in enumerate(waits_for):
            if done in others:
                others.remove(done)
                if not others:
                    for _ in range(parts[n]):
                        heapq.heappush(ready, n)
    return now / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--deployments", type=int, default=100)
    parser.add_argument("--examples", type=int, default=100_000, help="that are evaluated")
    parser.add_argument("--trained", type=int, default=300_000, help="examples times epochs of a training")
    parser.add_argument("--texts", type=int, default=1000, help="that are attacked on each deployment")
    parser.add_argument("--measured-examples", type=int, default=320, help="of a typical step `outputs` in the store")
    parser.add_argument("--start", type=float, default=5, help="seconds in which a process imports what it needs")
    parser.add_argument("--timing", type=float, default=60, help="seconds of a step that times, with its process")
    given = parser.parse_args()
    plan = plan_of(given.deployments)
    measured = Amount(given.measured_examples, trained=320, texts=32, shown=2 * 32)  # of cluster_steps.yaml
    amount = Amount(given.examples, given.trained, given.texts, len(plan.deployments) * given.texts)
    took: defaultdict[str, list[float]] = defaultdict(list)
    sizes: defaultdict[str, list[int]] = defaultdict(list)
    for kept in kept_steps(Store(given.store)):
        took[kept.kind].append(kept.seconds or 0.0)
        sizes[kept.kind].append(size_of(kept.path))
    more = {kind: amount.of(kind) / measured.of(kind) for kind in took}
    work = {kind: median(each) * more[kind] for kind, each in took.items()}
    stages = stages_of(plan)
    every = [step for steps in stages for step in steps]
    work |= {step.kind: given.timing - given.start for step in every if is_timed(step)}
    missing = {step.kind for step in every} - work.keys()
    grows = {kind: 1.0 if kind == "training" else each for kind, each in more.items()}
    disk = sum(median(sizes[step.kind]) * grows[step.kind] for step in every if step.kind in sizes)
    print(f"{len(plan.deployments)} deployments, {len(every)} steps, {disk / 1e9:.0f} GB")
    print(f"not measured, and left out: {', '.join(sorted(missing)) or 'nothing'}; hours:")
    head = ["nodes", "all", "without training and attack", *(f"{part}, whole and divided" for part in PARTS)]
    print(f"| {' | '.join(head)} |", "|---:" * len(head) + "|", sep="\n")
    stages = [[step for step in steps if step.kind in work] for steps in stages]
    for nodes in NODES:

        def took_by(kinds: Collection[str], *, divided: bool = False, nodes: int = nodes) -> str:
            chosen = [[step for step in steps if step.kind in kinds] for steps in stages]
            total = sum(hours(steps, work, given.start, nodes, kinds if divided else ()) for steps in chosen)
            return f"{total:.1f}"

        rest = work.keys() - {*PARTS["training"], *PARTS["attack"]}
        parts = [f"{took_by(kinds)}, {took_by(kinds, divided=True)}" for kinds in PARTS.values()]
        print(f"| {' | '.join([str(nodes), took_by(work), took_by(rest), *parts])} |", flush=True)


if __name__ == "__main__":
    main()
