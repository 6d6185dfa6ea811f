"""Forecast of a study, in one line: steps, about how long they will take, and the disk that they need."""

from __future__ import annotations

from rich.filesize import decimal

from harness.execution.disk_space import free_bytes
from harness.execution.estimate import WorkEstimate, estimate
from harness.planning.plan import Plan, Until
from harness.report.findings.phrases import plural
from harness.report.numbers import duration
from harness.store.steps import Store


def ahead(plan: Plan, store: Store, until: Until = "results") -> str:
    found = estimate(plan, store, until)
    line = f"ahead: {plural(found.steps, 'step')}"
    if found.done:
        line += f", {found.done:,} done already"
    if found.done == found.steps:
        return line
    line += f"; {_time(found, store)}; {_room(found)} of disk ({decimal(free_bytes(store.root))} free)"
    return f"{line}; comparisons come on top" if until == "results" else line


def _time(found: WorkEstimate, store: Store) -> str:
    if not found.timed:
        return f"how long they take is not known yet, since {store.root} has timed none like them"
    time = f"about {duration(found.seconds)}, going by {plural(found.known, 'step')} in {store.root}"
    if found.untimed:
        time += f", and what {plural(found.untimed, 'step')} like none of them will take"
    return time


def _room(found: WorkEstimate) -> str:
    if not found.sized:
        return "an unknown amount"
    return f"{'at least' if found.unsized else 'about'} {decimal(found.bytes)}"
