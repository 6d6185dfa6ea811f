"""`doctor`: this machine, and for every backend whether it works here and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backends.host import nvidia
from backends.host.machine import environment, installed
from backends.registry import BACKENDS, availability

PACKAGES = (
    *("onnxruntime", "onnxruntime-gpu", "openvino", "torch"),
    *(*nvidia.TENSORRT_PACKAGES, "polygraphy", "nvidia-modelopt"),
)
"""Distributions that decide what runs here."""


def examine() -> None:
    console = Console()
    facts = environment()
    cpu = facts["cpu"]
    console.print(f"CPU         {escape(str(cpu['model']))}, {cpu['cores']} cores, {' '.join(cpu['isa'])}")
    console.print(f"memory      {facts['memory_bytes'] / 2**30:.1f} GiB")
    console.print(f"GPU         {escape(str(facts['gpu'] or 'none that NVML can see'))}")
    console.print(f"Python      {facts['python']}")
    verdicts = {name: availability(name) for name in BACKENDS}  # these load the libraries that Python packages bring
    if nvidia.driver_version() is not None:  # without one a library that some package brought says nothing
        for library, version in nvidia.libraries().items():
            console.print(f"{library:<11} {version or 'not found by the loader'}")
    packages = installed(*PACKAGES)
    console.print(f"packages    {', '.join(f'{name} {version}' for name, version in packages.items()) or 'none'}")
    for line in advice(packages):
        console.print(f"[red]{escape(line)}[/red]")
    table = Table(box=None, pad_edge=False)
    for column in ("backend", "works", "versions, or what is missing and what helps"):
        table.add_column(column, overflow="fold")
    for name, verdict in verdicts.items():
        if verdict.available:
            note = ", ".join(f"{package} {version}" for package, version in verdict.versions.items())
        else:
            note = f"{verdict.reason}; {verdict.remedy}"
        table.add_row(name, "[green]yes[/green]" if verdict.available else "[red]no[/red]", escape(note))
    console.print()
    console.print(table)


def advice(packages: Mapping[str, str]) -> list[str]:
    """What is wrong with these packages together, whatever the machine, and the way out."""
    lines = []
    if {"onnxruntime", "onnxruntime-gpu"} <= packages.keys():
        lines.append(
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files: uninstall both, then "
            "install the one that you need"
        )
    engines = [name for name in nvidia.TENSORRT_PACKAGES if name in packages]
    if engines and "polygraphy" not in packages:
        lines.append(f"{engines[0]} is here without polygraphy, which builds the engines: install the extra `gpu`")
    for name in engines:
        if int(packages[name].split(".")[0]) < 10:
            lines.append(f"{name} {packages[name]} is too old for engines of one's own: 10 or later, docs/gpu.md")
    return lines
