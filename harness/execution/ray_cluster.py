"""Steps as tasks of a Ray cluster, which places them, keeps them apart and does them again where a node is lost.

All that knows Ray is here. On its node a step is done as anywhere: in a process of its own, which writes to the store,
a folder that all nodes share or a bucket (`harness.execution.processes`).
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import psutil
import ray
from ray.exceptions import RayError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from backends.host.machine import environment
from backends.registry import backend_class
from harness.errors import CRASHED, DISK_FULL, REFUSED, SKIPPED, UserError
from harness.execution.processes import TRAINING, Listener, StepFailure, command_for, describe, run_group
from harness.planning.context import Machine
from harness.steps.deployed import TimedOptions
from harness.store.objects import folder_of
from harness.store.step import Step
from harness.store.steps import Store

TIMING = "timing"
"""Resource of the nodes that are timed on: ``ray start --resources '{"timing": 1}'``. Where none has it, all are."""
RETRIES = 3
"""Nodes that may be lost under one task."""
SECONDS_BETWEEN_LOOKS = 0.5
"""At the tasks' progress; one that ends is heard of at once."""
BARE_BYTES = 1 << 30
"""Memory of a step beside its weights: what it imports, and its batches."""
COPIES_OF_WEIGHTS = 4
"""As they are read, converted, laid out anew by a runtime, and written."""

Task = ray.ObjectRef[tuple[list[StepFailure], str]]
"""What `_do` will return."""


@dataclass(frozen=True)
class Node:
    id: str
    cpus: int
    gpus: int
    memory: int
    """Bytes; these three as Ray counts them."""
    timing: bool
    machine: Machine

    @property
    def kind(self) -> str:
        """Nodes of one kind are timed alike."""
        return f"{self.cpus} {self.machine.facts}"

    def does_as(self, machine: Machine) -> bool:
        """Whether a step that is not timed has the same result on both."""
        here, there = self.machine.environment, machine.environment
        return self.machine.isa == machine.isa and here["gpu"] in (None, there["gpu"])


class RayCluster:
    """The cluster at ``address``, ``ray://HOST:PORT``; None: the one that this machine is a node of.

    The kind of machine that is timed on is the most frequent one of the nodes that are there at first: the study is
    planned for it, and all timings are made on it.

    Raises:
        UserError: there is no such cluster, or no node with the versions of this machine.
    """

    concurrent = True

    def __init__(self, address: str | None) -> None:
        name = address or "ray"
        try:
            with warnings.catch_warnings(action="ignore"):  # an error says it
                ray.init(address or "auto", log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, OSError, RayError):
            way_out = (
                f"start its head with `ray start --head --ray-client-server-port {address.rpartition(':')[2]}`"
                if address
                else "start one with `ray start --head`, or give ray://HOST:PORT"
            )
            raise UserError(f"--executor {name}: there is no Ray cluster; {way_out}") from None
        except (RuntimeError, ValueError) as error:  # another version of Ray or Python; no port
            raise UserError(f"--executor {name}: {' '.join(str(error).split())}") from None
        self._nodes: dict[str, Node | None] = {}
        self._versions = environment()["versions"]
        nodes = self._look()
        if not nodes:
            raise UserError(f"--executor {name}: no node has the versions of this machine; install the same on both")
        timing = [node for node in nodes if node.timing] or nodes
        kinds = Counter(sorted(node.kind for node in timing))
        self._timed = next(node for node in timing if node.kind == kinds.most_common(1)[0][0])

    def environment(self) -> dict[str, Any]:
        return self._timed.machine.environment

    def batches(self, steps: Sequence[Step]) -> list[Sequence[Step]]:
        return [steps] if steps else []

    def run(
        self,
        steps: Sequence[Step],
        store: Store,
        *,
        steps_folder: Path,
        log: TextIO,
        timeout_seconds: float,
        listen: Listener,
    ) -> list[StepFailure]:
        """Do the steps, each when those that it needs are done; what they print comes to ``log`` when they end."""
        nodes = self._look()
        events = Queue(actor_options={"num_cpus": 0, "max_restarts": -1})
        tasks: dict[str, Task] = {}  # by key of the step
        at_work: dict[Task, Sequence[Step]] = {}
        made_by = {step.key: unit for unit in together(steps) for step in unit}

        def submit(unit: Sequence[Step]) -> None:
            if unit[0].key in tasks:
                return
            needed = {ref.key: made_by[ref.key] for step in unit for ref in step.inputs.refs if ref.key in made_by}
            others = [other for other in needed.values() if other is not unit]
            for other in others:
                submit(other)
            before = dict.fromkeys(tasks[other[0].key] for other in others)
            task = ray.remote(_do).options(**self._requirements(unit, store, nodes))
            made = task.remote(list(unit), store.name, timeout_seconds, events, *before)
            tasks.update((step.key, made) for step in unit)
            at_work[made] = unit

        settled: dict[str, StepFailure | None] = {}
        by_key = {step.key: step for step in steps}

        def hear(key: str, event: dict[str, Any]) -> None:
            if key not in settled:  # a task that is done again tells again
                if event["event"] in ("finished", "failed"):
                    settled[key] = None
                    store.forget(key)
                listen(by_key[key], event)

        try:
            for unit in made_by.values():
                submit(unit)
            while at_work:
                ended, _ = ray.wait(list(at_work), timeout=SECONDS_BETWEEN_LOOKS)
                with suppress(RayError):
                    for key, event in events.get_nowait_batch(events.qsize()):
                        hear(key, event)
                for task in ended:
                    done = at_work.pop(task)
                    failures = _outcome(task, done, store, log)
                    for step in done:
                        failure = failures.get(step.key)
                        last_event = {"event": "finished"} if failure is None else _failed_event(failure)
                        hear(step.key, last_event)
                        if failure is not None:
                            file = describe(step, steps_folder)
                            settled[step.key] = replace(failure, command=command_for(store, file))
                if any(failure is not None and failure.status == DISK_FULL for failure in settled.values()):
                    break
        finally:
            for task in at_work:
                ray.cancel(task, force=True)
            with suppress(RayError):
                events.shutdown(force=True)
        return [failure for step in steps if (failure := settled.get(step.key)) is not None]

    def _look(self) -> list[Node]:
        """The nodes that can do the study's steps. Each is asked once what it is."""
        alive = {each["NodeID"]: each["Resources"] for each in ray.nodes() if each["Alive"]}  # type: ignore[no-untyped-call]
        unknown = {id: has for id, has in alive.items() if id not in self._nodes and has.get("CPU", 0) >= 1}
        asked = {
            id: ray.remote(_environment)
            .options(num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(id, soft=False))
            .remote()
            for id in unknown
        }
        for id, answer in asked.items():
            with suppress(RayError):  # it is lost already
                facts = ray.get(answer)
                same = facts["versions"] == self._versions  # else it would make steps under the keys of others
                has = unknown[id]
                cpus, gpus, memory = (int(has.get(name, 0)) for name in ("CPU", "GPU", "memory"))
                node = Node(id, cpus, gpus, memory, TIMING in has, Machine(facts))
                self._nodes[id] = node if same else None
        return [known for id in alive if (known := self._nodes.get(id)) is not None]

    def _will_do(self, node: Node, step: Step) -> bool:
        return node.kind == self._timed.kind if is_timed(step) else node.does_as(self._timed.machine)

    def _requirements(self, unit: Sequence[Step], store: Store, nodes: Iterable[Node]) -> dict[str, Any]:
        """What a task needs of a node, and which nodes will do."""
        gpus = max(on_gpu(step, self._timed.machine) for step in unit)
        nodes = [node for node in nodes if node.gpus >= gpus and self._will_do(node, unit[0])]
        if not nodes:  # Ray would wait for one
            raise UserError(f"--executor: no node of the cluster can {unit[0].title}; start one, and run again")
        whole = min(node.cpus for node in nodes)
        return {
            "num_cpus": whole if is_timed(unit[0]) else min(whole, threads_of(unit[0], whole)),
            "num_gpus": int(gpus),
            "memory": min(*(node.memory for node in nodes), max(bytes_of(step, store) for step in unit)),
            "label_selector": {"ray.io/node-id": f"in({','.join(node.id for node in nodes)})"},
            "max_retries": RETRIES,
        }


def together(steps: Sequence[Step]) -> list[list[Step]]:
    """What one task does: a step, or all that a task of the study times in one round.

    So deployments that are compared are timed one after the other on one machine.
    """
    units: dict[object, list[Step]] = {}
    for step in steps:
        round = (step.subject["task"], getattr(step.options, "replicate", None)) if is_timed(step) else step.key
        units.setdefault(round, []).append(step)
    return list(units.values())


def is_timed(step: Step) -> bool:
    """Whether the step's result is of the machine that it was made on, which it then has for itself."""
    return isinstance(step.options, TimedOptions)


def threads_of(step: Step, whole: int) -> int:
    """Threads that the step has; ``whole`` where it takes what there is."""
    deployment = getattr(step.options, "deployment", step.options)
    return int(getattr(deployment, "threads", whole))


def on_gpu(step: Step, machine: Machine) -> bool:
    deployment = getattr(step.options, "deployment", None)
    if deployment is not None:
        return backend_class(deployment.backend).device == "cuda"
    return getattr(step.options, "gpu", None) is not None or (
        step.kind in TRAINING and machine.environment["gpu"] is not None
    )


def bytes_of(step: Step, store: Store) -> int:
    """Memory that the step may need, by the weights among what it needs, as far as those are there."""
    folders = (store.path(ref.kind, ref.key) for ref in step.inputs.refs)
    weights = [file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file()]
    return BARE_BYTES + COPIES_OF_WEIGHTS * max(weights, default=0)


def _outcome(task: Task, unit: Sequence[Step], store: Store, log: TextIO) -> dict[str, StepFailure]:
    """The failures of a task that has ended, by key of the step."""
    try:
        failures, printed = ray.get(task)
    except RayError as error:
        reason = next(iter(str(error).split("\n")))
        failures = [
            StepFailure(step, *_lost(step, store, reason), command=None)
            for step in unit
            if not store.holds(step.kind, step.key)
        ]
    else:
        log.write(printed)
        log.flush()
    return {failure.step.key: failure for failure in failures}


def _lost(step: Step, store: Store, reason: str) -> tuple[str, str]:
    if all(store.holds(ref.kind, ref.key) for ref in step.inputs.refs):
        return CRASHED, f"Ray gave it up: {reason}"
    return SKIPPED, "a step that it needs has not been done"


def _failed_event(failure: StepFailure) -> dict[str, Any]:
    return {"event": "failed", "status": failure.status, "reason": failure.reason}


def _environment() -> dict[str, Any]:
    """Of the node, as its steps' processes have it. Which of its GPUs one gets is no part of what it is."""
    _keep_own_threads()
    facts = environment()
    facts["variables"].pop("CUDA_VISIBLE_DEVICES", None)
    return facts


def _do(
    steps: Sequence[Step], store: str, timeout_seconds: float, events: Queue, *_needed: object
) -> tuple[list[StepFailure], str]:
    """On a node: do ``steps`` in order, each in a fresh process; the failures, and what was printed."""
    _keep_own_threads()

    def tell(step: Step, event: dict[str, Any]) -> None:
        with suppress(RayError):  # progress may be lost, with the node that it went to
            events.put_nowait((step.key, event))

    failures: list[StepFailure] = []
    try:
        kept = Store(folder_of(store))
    except UserError as error:
        return [StepFailure(step, REFUSED, str(error), command=None) for step in steps], ""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log.txt").open("w+") as log:
        for step in steps:
            failures += run_group(
                [step], kept, steps_folder=Path(folder), log=log, timeout_seconds=timeout_seconds, listen=tell
            )
        log.seek(0)
        return failures, log.read()


def _keep_own_threads() -> None:
    """Ray tells OpenMP to take as many threads as the task has CPUs: steps see to that themselves, and see it."""
    if "OMP_NUM_THREADS" not in psutil.Process(os.getppid()).environ():  # of the node, which a person started
        os.environ.pop("OMP_NUM_THREADS", None)
