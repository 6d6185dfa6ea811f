"""Differences between two runs besides their figures: a ratio tells all of it apart, not the artifacts alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from harness.report.values import words
from harness.results.environment import Environment, GraphicsDevice, Processor
from harness.results.schema import DataFacts
from harness.run_comparison.runs import Common, RunPair
from harness.store.runtime_facts import RuntimeFacts

Kind = Literal["machine", "settings", "load", "data", "artifact", "versions"]
"""In the order of the report: what makes a ratio hardest to read comes first."""
KINDS: tuple[Kind, ...] = ("machine", "settings", "load", "data", "artifact", "versions")

CPU_SET_UP: Mapping[str, Callable[[Processor], object]] = {
    "cores it may run on": lambda cpu: cpu.affinity,
    "CPU quota": lambda cpu: cpu.quota,
    "frequency governor": lambda cpu: cpu.governor,
    "turbo": lambda cpu: cpu.turbo,
    "largest clock in MHz": lambda cpu: cpu.largest_mhz,
}
GPU_SET_UP: Mapping[str, Callable[[GraphicsDevice], object]] = {
    "GPU's largest clock in MHz": lambda device: device.largest_mhz,
    "GPU's power limit in W": lambda device: device.power_limit_watts,
}
PERFORMANCE, TASKS = "performance", "tasks"
"""Of a config."""
LOAD = ("seed", "token_budget")
LOAD_OF_A_TASK = ("max_length", "question_answering")


@dataclass(frozen=True)
class RunDifference:
    """One thing that is not the same. Of the whole runs, or of the deployments that ``deployments`` names."""

    kind: Kind
    what: str
    before: str
    after: str
    deployments: tuple[str, ...] = ()


def differences(pair: RunPair) -> tuple[RunDifference, ...]:
    """All that the two run folders record and that is not the same, by kind."""
    run_differences = [
        *_machine(pair),
        *_settings(pair),
        *_load(pair),
        *_data(pair),
        *_artifacts(pair),
        *_versions(pair),
    ]
    return tuple(sorted(run_differences, key=lambda difference: KINDS.index(difference.kind)))


def _machine(pair: RunPair) -> Iterator[RunDifference]:
    before, after = pair.a.environment, pair.b.environment
    if before is None or after is None:
        return
    cpus = before.cpu, after.cpu
    yield from _unlike("machine", "CPU", *(cpu.model for cpu in cpus))
    yield from _unlike("machine", "cores", *(cpu.cores for cpu in cpus))
    flags = [set(cpu.isa) for cpu in cpus]
    only = [" ".join(sorted(mine - theirs)) or "no more" for mine, theirs in (flags, reversed(flags))]
    yield from _unlike("machine", "instruction sets that only one has", *only)
    devices = [[device.name for device in _devices(side)] for side in (before, after)]
    yield from _unlike("machine", "GPU", *devices)
    gpus = before.gpu, after.gpu
    # a driver is replaced as a runtime is, on one machine
    yield from _unlike("versions", "GPU driver", *(gpu and gpu.driver for gpu in gpus))
    yield from _unlike("versions", "GPU cuda", *(gpu and gpu.cuda for gpu in gpus))
    loaded = [gpu.libraries for gpu in gpus if gpu]
    if len(loaded) == 2:
        for name in dict.fromkeys([*loaded[0], *loaded[1]]):
            yield from _unlike("versions", f"{words(name)} that the loader finds", *(side.get(name) for side in loaded))


def _settings(pair: RunPair) -> Iterator[RunDifference]:
    yield from _machine_set_up(pair)
    yield from _grouped("settings", pair, _settings_of)


def _settings_of(runtime: RuntimeFacts) -> dict[str, object]:
    """All that a runtime tells, but what a deployment's name or another difference says already."""
    fields = runtime.model_dump(exclude={"backend", "versions", "details"})
    return {**fields, **runtime.details}


def _machine_set_up(pair: RunPair) -> Iterator[RunDifference]:
    """How one machine was set up."""
    before, after = pair.a.environment, pair.b.environment
    if before is None or after is None:
        return
    for setting, set_up in CPU_SET_UP.items():
        yield from _unlike("settings", setting, set_up(before.cpu), set_up(after.cpu))
    devices = _devices(before), _devices(after)
    if len(devices[0]) == len(devices[1]):
        for setting, of_gpu in GPU_SET_UP.items():
            yield from _unlike("settings", setting, *([of_gpu(device) for device in side] for side in devices))
    yield from _unlike("settings", "memory limit", before.memory_limit, after.memory_limit)
    for name in dict.fromkeys([*before.variables, *after.variables]):
        yield from _unlike("settings", words(name), before.variables.get(name), after.variables.get(name))


def _versions(pair: RunPair) -> Iterator[RunDifference]:
    before, after = pair.a.environment, pair.b.environment
    if before is None or after is None:
        return
    said = list(_unlike("versions", "operating system", before.os, after.os))
    said += _unlike("versions", "distribution", before.distribution, after.distribution)
    said += _unlike("versions", "Python", before.python, after.python)
    for name in dict.fromkeys([*before.versions, *after.versions]):
        said += _unlike("versions", words(name), *(side.versions.get(name, "absent") for side in (before, after)))
    yield from said
    known = {(difference.what, difference.before, difference.after) for difference in said}
    for difference in _grouped("versions", pair, lambda runtime: runtime.versions):
        if (difference.what, difference.before, difference.after) not in known:
            yield difference


def _load(pair: RunPair) -> Iterator[RunDifference]:
    """How the requests were chosen and offered, as the configs say; nothing where one of them is not there."""
    before, after = pair.a.config, pair.b.config
    if not before or not after:
        return
    offered = [config.get(PERFORMANCE) or {} for config in (before, after)]
    for name in dict.fromkeys([*offered[0], *offered[1]]):
        if name != "replicates":
            yield from _unlike("load", f"performance.{words(name)}", *(side.get(name) for side in offered))
    for name in LOAD:
        yield from _unlike("load", name, before.get(name), after.get(name))
    for task in _tasks(pair):
        entries = [config[TASKS][task] for config in (before, after)]
        for name in LOAD_OF_A_TASK:
            yield from _unlike("load", f"{words(task)} {name}", *(entry.get(name) for entry in entries))


def _data(pair: RunPair) -> Iterator[RunDifference]:
    for task in _tasks(pair):
        sides = [run.tasks[task].result.data.get("evaluation") for run in (pair.a, pair.b)]
        for name in DataFacts.model_fields:
            fact = f"{words(task)} {name.replace('_', ' ')}"
            yield from _unlike("data", fact, *(None if side is None else getattr(side, name) for side in sides))


def _artifacts(pair: RunPair) -> Iterator[RunDifference]:
    for common in pair.common:
        before, after = common.before.deployment.artifact, common.after.deployment.artifact
        if before and after and before.sha256 != after.sha256:
            yield RunDifference("artifact", "SHA-256", before.sha256, after.sha256, (_place(common),))


def _grouped(
    kind: Kind, pair: RunPair, part: Callable[[RuntimeFacts], Mapping[str, object]]
) -> Iterator[RunDifference]:
    """What the deployments say of themselves; the same difference of several is told once."""
    deployments_by_difference: dict[tuple[str, str, str], list[str]] = {}
    for common in pair.common:
        before, after = common.before.deployment.runtime, common.after.deployment.runtime
        if before is None or after is None:
            continue  # its answers failed, so it says nothing of itself
        sides = part(before), part(after)
        for name in dict.fromkeys([*sides[0], *sides[1]]):
            for unlike in _unlike(kind, words(name).replace("_", " "), sides[0].get(name), sides[1].get(name)):
                deployments_by_difference.setdefault((unlike.what, unlike.before, unlike.after), []).append(
                    _place(common)
                )
    for (what, in_a, in_b), deployments in deployments_by_difference.items():
        yield RunDifference(kind, what, in_a, in_b, tuple(deployments))


def _devices(environment: Environment) -> list[GraphicsDevice]:
    return environment.gpu.devices if environment.gpu else []


def _tasks(pair: RunPair) -> tuple[str, ...]:
    """Of which both runs measured a deployment."""
    return tuple(dict.fromkeys(common.task for common in pair.common))


def _place(common: Common) -> str:
    return f"{words(common.task)}: {words(common.name)}"


def _unlike(kind: Kind, what: str, before: object, after: object) -> Iterator[RunDifference]:
    if before != after:
        yield RunDifference(kind, what, _shown(before), _shown(after))


def _shown(value: object) -> str:
    """Any value of a results file on one line."""
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{words(str(key))} {_shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return words(str(value))
