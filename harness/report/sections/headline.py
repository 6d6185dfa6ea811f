"""What was compared: study, machine, tasks, data, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Iterable

from harness.report.blocks import Block, Facts, Prose, Section
from harness.report.findings.phrases import plural
from harness.report.findings.thresholds import INTERVAL_PROCESSES
from harness.report.numbers import count, fixed
from harness.report.values import Json, mapping, number, sequence, words
from harness.report.view import TaskView

ROLES = ("evaluation", "out-of-distribution", "bank", "train")
NOTABLE_ISA = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "avx512_bf16", "asimd", "sve")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt", "torch", "transformers", "scalemodel")
KINDS = {"question-answering": "question", "text-classification": "text"}

FAMILIES = {
    "demonstration": "Demonstration family: small models on generated text, to show the tool. Their figures "
    "say "
    "nothing about the models that you ship.",
    "random": "Random weights: speed and memory only. Quality and the characteristics are meaningless.",
}


def headline(results: Json, tasks: Iterable[TaskView]) -> Section:
    environment = mapping(results.get("environment"))  # empty: the outputs were made nobody knows where
    blocks: list[Block] = [Facts(tuple(_machine(environment)))] if environment else []
    notes: list[str] = []
    for task in tasks:
        blocks.append(Facts(tuple(_task(task))))
        family = str(task.entry.get("family"))
        # a run that explains its family itself is not explained twice
        explained = any(family in note.lower() for note in task.notes)
        notes += [*task.notes, *([] if explained else FAMILIES.get(family, "").splitlines()), *_processes(task)]
    if notes:
        blocks.append(Prose(tuple(f"Note: {note}" for note in dict.fromkeys(notes))))
    return Section("What was compared", tuple(blocks))


def _processes(task: TaskView) -> list[str]:
    """Timings without an interval; nothing where there is one, or nothing was timed."""
    known = [number(d.performance.get("processes")) for d in task.measured]
    most = max((int(processes) for processes in known if processes is not None), default=INTERVAL_PROCESSES)
    if most >= INTERVAL_PROCESSES:
        return []
    once = plural(most, "process", "processes")
    return [f"Deployments were timed in {once} each: no interval. Set performance.replicates to {INTERVAL_PROCESSES}."]


def _machine(environment: Json) -> Iterable[tuple[str, str]]:
    cpu = mapping(environment.get("cpu"))
    parts = [words(cpu.get("model")) or "unknown CPU"]
    if (cores := number(cpu.get("cores"))) is not None:
        parts.append(plural(int(cores), "core"))
    if (memory := number(environment.get("memory_bytes"))) is not None:
        parts.append(f"{fixed(memory / 2**30, 1)} GiB")
    isa = [words(flag) for flag in sequence(cpu.get("isa"))]
    shown = [flag for flag in isa if flag in NOTABLE_ISA] or isa[:6]
    yield "machine", ", ".join(parts)
    if shown:
        yield "instruction sets", " ".join(shown)
    yield "GPU", _gpu(environment.get("gpu"))
    versions = mapping(environment.get("versions"))
    software = [words(environment.get("os")), f"Python {words(environment.get('python')) or 'unknown'}"]
    software += [f"{name} {words(versions[name])}" for name in RUNTIMES if versions.get(name)]
    yield "software", ", ".join(part for part in software if part)


def _gpu(gpu: object) -> str:
    if not gpu:
        return "none"
    if isinstance(gpu, list | tuple):
        return ", ".join(_gpu(one) for one in gpu)
    if isinstance(gpu, dict) and gpu.get("devices"):
        driver = words(gpu.get("driver"))
        return _gpu(gpu["devices"]) + (f", driver {driver}" if driver else "")
    if isinstance(gpu, dict):
        name = words(gpu.get("name") or gpu.get("model")) or "unknown GPU"
        driver = words(gpu.get("driver"))
        return f"{name}, driver {driver}" if driver else name
    return words(gpu)


def _task(task: TaskView) -> Iterable[tuple[str, str]]:
    yield "task", words(task.name)
    reference = task.reference_deployment
    yield "reference", words(task.reference) + ("" if reference else " (absent)")
    first = [d for d in task.deployments if d.replicate_kind != "execution"]
    models = len({d.model for d in first})
    formats = len({d.format for d in first if d.format})
    failed = len([d for d in task.deployments if not d.ok])
    told = f"{len(first)}: {plural(models, 'model')}" + (f", {plural(formats, 'format')}" if formats else "")
    backends = [words(b) for b in task.backends if b]
    if len(backends) == 1:
        told += f", all on {backends[0]}"
    elif backends:
        told += f", on {', '.join(backends)}"
    if again := len(task.deployments) - len(first):
        told += f"; {again} run again"
    yield "deployments", told + (f"; {failed} failed" if failed else "")
    data = mapping(task.entry.get("data"))
    for role in [*(r for r in ROLES if r in data), *(r for r in data if r not in ROLES)]:
        yield words(role), _data(mapping(data[role]), KINDS.get(task.name, "example"))


def _data(entry: Json, one: str) -> str:
    examples, groups = number(entry.get("examples")), number(entry.get("groups"))
    parts = ["unknown size" if examples is None else f"{count(examples)} {one}{'' if examples == 1 else 's'}"]
    if groups is not None and groups != examples:
        parts[0] += f" in {plural(int(groups), 'group')}"
    if (answerable := number(entry.get("answerable"))) is not None:
        parts.append(f"{fixed(100 * answerable, 0)} % answerable")
    if (tokens := number(entry.get("mean_tokens"))) is not None:
        parts.append(f"{fixed(tokens, 0)} tokens on average")
    source = words(entry.get("source"))
    return ", ".join(parts) + (f" ({source})" if source else "")
