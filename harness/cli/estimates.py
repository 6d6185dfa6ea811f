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
    work_estimate = estimate(plan, store, until)
    line = f"ahead: {plural(work_estimate.steps, 'step')}"
    if work_estimate.done:
        line += f", {work_estimate.done:,} done already"
    if work_estimate.done == work_estimate.steps:
        return line
    line += f"; {_time(work_estimate, store)}; {_room(work_estimate)} of disk ({decimal(free_bytes(store.root))} free)"
    return f"{line}; comparisons come on top" if until == "results" else line


def _time(work_estimate: WorkEstimate, store: Store) -> str:
    if not work_estimate.timed:
        return f"how long they take is not known yet, since {store.root} has timed none like them"
    time = f"about {duration(work_estimate.seconds)}, going by {plural(work_estimate.known, 'step')} in {store.root}"
    if work_estimate.untimed:
        time += f", and what {plural(work_estimate.untimed, 'step')} like none of them will take"
    return time


def _room(work_estimate: WorkEstimate) -> str:
    if not work_estimate.sized:
        return "an unknown amount"
    return f"{'at least' if work_estimate.unsized else 'about'} {decimal(work_estimate.bytes)}"
