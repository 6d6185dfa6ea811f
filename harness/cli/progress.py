"""Progress of a study as a person sees it: one live line in a terminal, one line a step in a pipe."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from harness.errors import SKIPPED
from harness.execution import run as execution
from harness.report.printable import printable, say
from harness.store.step import Step

SECONDS_BETWEEN_LINES = 60


@contextmanager
def progress_for(quiet: bool) -> Iterator[execution.Progress]:
    """Progress on standard error, so that standard output holds the report alone."""
    if quiet:
        yield execution.Silent()
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[stage]}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
    ) as bar:
        yield _Bar(bar, console)


class _Lines:
    """A line a step, and for a long step one now and then."""

    def __init__(self) -> None:
        self._spoken = 0.0
        self._steps = self._begun = 0

    def stage(self, name: str, steps: int, reused: int) -> None:
        self._steps, self._begun = steps, 0
        self._say(f"{name}: {steps} {'step' if steps == 1 else 'steps'} to do, {reused} reused")

    def event(self, step: Step, event: dict[str, Any]) -> None:
        if event["event"] == "started":
            self._begun += 1
            self._say(f"  {self._begun} of {self._steps}: {step.title}")
        elif event["event"] == "progress" and time.monotonic() - self._spoken > SECONDS_BETWEEN_LINES:
            self._say(f"    {event['what']} ({event['fraction']:.0%})")
        elif event["event"] == "failed" and event["status"] == SKIPPED:
            self._begun += 1
        elif event["event"] == "failed":
            self._say(f"  {step.title}: {event['status']}: {event['reason']}")

    def _say(self, line: str) -> None:
        self._spoken = time.monotonic()
        say(line, error=True)


class _Bar:
    def __init__(self, bar: Progress, console: Console) -> None:
        self._bar = bar
        self._console = console
        self._task: TaskID | None = None

    def stage(self, name: str, steps: int, reused: int) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        note = f"{reused} reused" if reused else ""
        self._task = self._bar.add_task(note, total=steps, stage=name)

    def event(self, step: Step, event: dict[str, Any]) -> None:
        assert self._task is not None
        title = _shown(step.title)
        match event["event"]:
            case "started":
                self._bar.update(self._task, description=title)
            case "progress":
                self._bar.update(self._task, description=f"{title}: {_shown(event['what'])} {event['fraction']:.0%}")
            case "finished":
                self._bar.advance(self._task)
            case "failed":
                self._bar.advance(self._task)
                if event["status"] != SKIPPED:
                    self._console.print(f"[red]{event['status']}[/red] {title}: {_shown(event['reason'])}")


def _shown(text: str) -> str:
    return escape(printable(text))
