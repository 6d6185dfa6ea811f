"""What differs between two runs besides their figures: a ratio tells all of it apart, not the artifacts alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from harness.report.values import Json, mapping, sequence, words
from harness.run_comparison.runs import Common, Pair

Kind = Literal["machine", "settings", "load", "data", "artifact", "versions"]
"""In the order of the report: what makes a ratio hardest to read comes first."""
KINDS: tuple[Kind, ...] = ("machine", "settings", "load", "data", "artifact", "versions")

ALSO_IN_NAME_OR_VERSIONS = ("backend", "versions")
"""Of a deployment's describe: what its name or another difference says already."""
CPU_SET_UP = {
    "affinity": "cores it may run on",
    "quota": "CPU quota",
    "governor": "frequency governor",
    "turbo": "turbo",
    "largest_mhz": "largest clock in MHz",
}
GPU_SET_UP = {"largest_mhz": "GPU's largest clock in MHz", "power_limit_watts": "GPU's power limit in W"}
LOAD = ("seed", "token_budget")
LOAD_OF_A_TASK = ("max_length", "question_answering")


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same. Of the whole runs, or of the deployments that ``deployments`` names."""

    kind: Kind
    what: str
    before: str
    after: str
    deployments: tuple[str, ...] = ()


def differences(pair: Pair) -> tuple[Difference, ...]:
    """All that the two run folders record and that is not the same, by kind."""
    found = [*_machine(pair), *_settings(pair), *_load(pair), *_data(pair), *_artifacts(pair), *_versions(pair)]
    return tuple(sorted(found, key=lambda difference: KINDS.index(difference.kind)))


def _machine(pair: Pair) -> Iterator[Difference]:
    before, after = pair.a.environment, pair.b.environment
    cpus = mapping(before.get("cpu")), mapping(after.get("cpu"))
    yield from _unlike("machine", "CPU", *(cpu.get("model") for cpu in cpus))
    yield from _unlike("machine", "cores", *(cpu.get("cores") for cpu in cpus))
    flags = [set(map(words, sequence(cpu.get("isa")))) for cpu in cpus]
    only = [" ".join(sorted(mine - theirs)) or "no more" for mine, theirs in (flags, reversed(flags))]
    yield from _unlike("machine", "instruction sets that only one has", *only)
    gpus = mapping(before.get("gpu")), mapping(after.get("gpu"))
    yield from _unlike(
        "machine", "GPU", *([device.get("name") for device in _devices(side)] for side in (before, after))
    )
    for name in ("driver", "cuda"):
        # a driver is replaced as a runtime is, on one machine
        yield from _unlike("versions", f"GPU {name}", *(gpu.get(name) for gpu in gpus))
    if all("libraries" in gpu for gpu in gpus):
        loaded = [mapping(gpu["libraries"]) for gpu in gpus]
        for name in dict.fromkeys([*loaded[0], *loaded[1]]):
            yield from _unlike("versions", f"{words(name)} that the loader finds", *(side.get(name) for side in loaded))


def _settings(pair: Pair) -> Iterator[Difference]:
    yield from _machine_set_up(pair)
    yield from _grouped("settings", pair, lambda describe: describe, leave_out=ALSO_IN_NAME_OR_VERSIONS)


def _machine_set_up(pair: Pair) -> Iterator[Difference]:
    """How one machine was set up; what a run did not record may have been the same."""
    before, after = pair.a.environment, pair.b.environment
    cpus = mapping(before.get("cpu")), mapping(after.get("cpu"))
    for name, told in CPU_SET_UP.items():
        if all(name in cpu for cpu in cpus):
            yield from _unlike("settings", told, *(cpu[name] for cpu in cpus))
    devices = [_devices(side) for side in (before, after)]
    for name, told in GPU_SET_UP.items():
        if all(name in device for side in devices for device in side) and len(devices[0]) == len(devices[1]):
            yield from _unlike("settings", told, *([device[name] for device in side] for side in devices))
    if "memory_limit" in before and "memory_limit" in after:
        yield from _unlike("settings", "memory limit", before["memory_limit"], after["memory_limit"])
    if "variables" in before and "variables" in after:
        set_to = mapping(before["variables"]), mapping(after["variables"])
        for name in dict.fromkeys([*set_to[0], *set_to[1]]):
            yield from _unlike("settings", words(name), *(side.get(name) for side in set_to))


def _versions(pair: Pair) -> Iterator[Difference]:
    before, after = pair.a.environment, pair.b.environment
    said = list(_unlike("versions", "operating system", before.get("os"), after.get("os")))
    if "distribution" in before and "distribution" in after:
        said += _unlike("versions", "distribution", before["distribution"], after["distribution"])
    said += _unlike("versions", "Python", before.get("python"), after.get("python"))
    installed = mapping(before.get("versions")), mapping(after.get("versions"))
    for name in dict.fromkeys([*installed[0], *installed[1]]):
        said += _unlike("versions", words(name), *(versions.get(name, "absent") for versions in installed))
    yield from said
    known = {(difference.what, difference.before, difference.after) for difference in said}
    for difference in _grouped("versions", pair, lambda describe: mapping(describe.get("versions"))):
        if (difference.what, difference.before, difference.after) not in known:
            yield difference


def _load(pair: Pair) -> Iterator[Difference]:
    """How the requests were chosen and offered, as the configs say; nothing where one of them is not there."""
    before, after = pair.a.config, pair.b.config
    if not before or not after:
        return
    offered = mapping(before.get("performance")), mapping(after.get("performance"))
    for name in dict.fromkeys([*offered[0], *offered[1]]):
        if name != "replicates":
            yield from _unlike("load", f"performance.{words(name)}", *(side.get(name) for side in offered))
    for name in LOAD:
        yield from _unlike("load", name, before.get(name), after.get(name))
    for task in _tasks(pair):
        entries = [mapping(mapping(config.get("tasks")).get(task)) for config in (before, after)]
        for name in LOAD_OF_A_TASK:
            yield from _unlike("load", f"{words(task)} {name}", *(entry.get(name) for entry in entries))


def _data(pair: Pair) -> Iterator[Difference]:
    for task in _tasks(pair):
        sides = [mapping(mapping(run.tasks[task].entry.get("data")).get("evaluation")) for run in (pair.a, pair.b)]
        for name in dict.fromkeys([*sides[0], *sides[1]]):
            told = f"{words(task)} {words(name).replace('_', ' ')}"
            yield from _unlike("data", told, *(side.get(name) for side in sides))


def _artifacts(pair: Pair) -> Iterator[Difference]:
    for common in pair.common:
        before, after = words(common.before.artifact.get("sha256")), words(common.after.artifact.get("sha256"))
        if before and after and before != after:
            yield Difference("artifact", "SHA-256", before, after, (_place(common),))


def _grouped(
    kind: Kind, pair: Pair, part: Callable[[Json], Json], leave_out: Collection[str] = ()
) -> Iterator[Difference]:
    """What the deployments say of themselves; the same difference of several is told once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for common in pair.common:
        if not common.before.describe or not common.after.describe:
            continue  # its answers failed, so it says nothing of itself
        sides = part(common.before.describe), part(common.after.describe)
        for name in dict.fromkeys([*sides[0], *sides[1]]):
            if name in leave_out:
                continue
            for unlike in _unlike(kind, words(name).replace("_", " "), sides[0].get(name), sides[1].get(name)):
                found.setdefault((unlike.what, unlike.before, unlike.after), []).append(_place(common))
    for (what, before, after), deployments in found.items():
        yield Difference(kind, what, before, after, tuple(deployments))


def _devices(environment: Json) -> list[Json]:
    return [mapping(device) for device in sequence(mapping(environment.get("gpu")).get("devices"))]


def _tasks(pair: Pair) -> tuple[str, ...]:
    """Of which both runs measured a deployment."""
    return tuple(dict.fromkeys(common.task for common in pair.common))


def _place(common: Common) -> str:
    return f"{words(common.task)}: {words(common.name)}"


def _unlike(kind: Kind, what: str, before: object, after: object) -> Iterator[Difference]:
    if before != after:
        yield Difference(kind, what, _shown(before), _shown(after))


def _shown(value: object) -> str:
    """Any value of a results file on one line."""
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{words(key)} {_shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return words(value)
