"""`doctor`: this machine, and for every backend whether it works here and what it lacks."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backends.machine import environment
from backends.registry import BACKENDS, availability


def examine() -> None:
    console = Console()
    facts = environment()
    cpu = facts["cpu"]
    console.print(f"CPU      {escape(str(cpu['model']))}, {cpu['cores']} cores, {' '.join(cpu['isa'])}")
    console.print(f"memory   {facts['memory_bytes'] / 2**30:.1f} GiB")
    console.print(f"GPU      {escape(str(facts['gpu'] or 'none that NVML can see'))}")
    console.print(f"Python   {facts['python']}")
    table = Table(box=None, pad_edge=False)
    for column in ("backend", "works", "versions, or what is missing and what helps"):
        table.add_column(column, overflow="fold")
    for name in BACKENDS:
        found = availability(name)
        if found.available:
            note = ", ".join(f"{package} {version}" for package, version in found.versions.items())
        else:
            note = f"{found.reason}; {found.remedy}"
        table.add_row(name, "[green]yes[/green]" if found.available else "[red]no[/red]", escape(note))
    console.print()
    console.print(table)
