"""Section on what was compared: study, machine, tasks, data, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Iterable

from harness.report.blocks import Block, Facts, Prose, Section
from harness.report.findings.phrases import plural
from harness.report.findings.thresholds import INTERVAL_PROCESSES
from harness.report.numbers import fixed
from harness.report.values import words
from harness.report.view import TaskView
from harness.results.environment import Environment, Graphics
from harness.results.schema import DataFacts

ROLES = ("evaluation", "out-of-distribution", "bank", "train")
NOTABLE_ISA = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "avx512_bf16", "asimd", "sve")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt", "torch", "transformers", "scalemodel")

FAMILIES = {
    "demonstration": "Demonstration family: small models on generated text, to show the tool. Their figures "
    "say "
    "nothing about the models that you ship.",
    "random": "Random weights: speed and memory only. Quality and the characteristics are meaningless.",
}


def headline(environment: Environment | None, tasks: Iterable[TaskView]) -> Section:
    blocks: list[Block] = [Facts(tuple(_machine(environment)))] if environment else []
    tasks = tuple(tasks)
    blocks += [Facts(tuple(_task(task))) for task in tasks]
    notes = [*family_notes(tasks), *(note for task in tasks for note in _processes(task))]
    if notes:
        blocks.append(Prose(tuple(f"Note: {note}" for note in dict.fromkeys(notes))))
    return Section("What was compared", tuple(blocks))


def family_notes(tasks: Iterable[TaskView]) -> list[str]:
    """What a reader must know of where the models come from, each once."""
    notes: list[str] = []
    for task in tasks:
        family = task.result.family
        # a run that explains its family itself is not explained twice
        explained = any(family in note.lower() for note in task.notes)
        notes += [*task.notes, *([] if explained else FAMILIES.get(family, "").splitlines())]
    return list(dict.fromkeys(notes))


def _processes(task: TaskView) -> list[str]:
    """Timings without an interval; nothing where there is one, or nothing was timed."""
    most = max((d.timings.processes for d in task.measured if d.timings), default=INTERVAL_PROCESSES)
    if most >= INTERVAL_PROCESSES:
        return []
    once = plural(most, "process", "processes")
    return [
        f"Deployments were timed in {once} each: no interval but of speed-ups in pairs. Set performance.replicates to "
        f"{INTERVAL_PROCESSES}."
    ]


def _machine(environment: Environment) -> Iterable[tuple[str, str]]:
    cpu = environment.cpu
    parts = [words(cpu.model) or "unknown CPU", plural(cpu.cores, "core")]
    shown = [flag for flag in cpu.isa if flag in NOTABLE_ISA] or cpu.isa[:6]
    yield "machine", ", ".join([*parts, f"{fixed(environment.memory_bytes / 2**30, 1)} GiB"])
    if shown:
        yield "instruction sets", " ".join(shown)
    yield "GPU", _gpu(environment.gpu)
    versions = environment.versions
    software = [f"{name} {words(versions[name])}" for name in RUNTIMES if name in versions]
    yield "software", ", ".join([words(environment.os), f"Python {words(environment.python)}", *software])


def _gpu(gpu: Graphics | None) -> str:
    if gpu is None or not gpu.devices:
        return "none"
    return f"{', '.join(words(device.name) for device in gpu.devices)}, driver {words(gpu.driver)}"


def _task(task: TaskView) -> Iterable[tuple[str, str]]:
    yield "task", words(task.name)
    reference = task.reference_deployment
    yield "reference", words(task.reference) + ("" if reference else " (absent)")
    first = [d for d in task.deployments if d.replicate_kind != "execution"]
    models = len({d.model for d in first})
    formats = len({d.format for d in first if d.format})
    failed = len([d for d in task.deployments if not d.ok])
    description = f"{len(first)}: {plural(models, 'model')}" + (f", {plural(formats, 'format')}" if formats else "")
    backends = [words(b) for b in task.backends if b]
    if len(backends) == 1:
        description += f", all on {backends[0]}"
    elif backends:
        description += f", on {', '.join(backends)}"
    if again := len(task.deployments) - len(first):
        description += f"; {again} run again"
    yield "deployments", description + (f"; {failed} failed" if failed else "")
    data = task.result.data
    for role in [*(r for r in ROLES if r in data), *(r for r in data if r not in ROLES)]:
        yield words(role), _data(data[role], task.unit_of(role))


def _data(data: DataFacts, one: str) -> str:
    parts = [plural(data.examples, one)]
    if data.groups != data.examples:
        parts[0] += f" in {plural(data.groups, 'group')}"
    if data.answerable is not None:
        parts.append(f"{fixed(100 * data.answerable, 0)} % answerable")
    if data.mean_tokens is not None:
        where = "" if data.answerable is None else " in the first window"
        parts.append(f"{fixed(data.mean_tokens, 0)} tokens on average{where}")
    return f"{', '.join(parts)} ({words(data.source)})"
