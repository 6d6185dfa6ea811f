"""Progress of a study as a person sees it: two live lines in a terminal, one line a step in a pipe."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
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
from rich.text import Text

from harness.errors import SKIPPED
from harness.execution import run as execution
from harness.execution.estimate import Weights, usual_seconds
from harness.report.findings.phrases import plural
from harness.report.numbers import duration
from harness.report.printable import printable, say
from harness.store.step import Step
from harness.store.steps import Store
from harness.store.typical import Typical

SECONDS_BETWEEN_LINES = 60


@contextmanager
def progress_for(store: Store, *, quiet: bool) -> Iterator[execution.Progress]:
    """Progress on standard error, so that standard output holds the report alone.

    How long a stage still takes is told by steps like its own: of this run, or else of those that the store holds.
    """
    if quiet:
        yield execution.Silent()
        return
    left = _TimeLeft(store)
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(left)
        return
    with _TwoLines(
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[stage]}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        _LeftColumn(left),
        console=console,
        transient=True,
    ) as bar:
        yield _Bar(bar, console, left)


class _TimeLeft:
    """How long the steps of a stage still take."""

    def __init__(self, store: Store) -> None:
        self._models = Weights(store)
        earlier, _ = usual_seconds(store, self._models)
        self._usual = Typical(earlier)
        self._ahead: dict[str, Step] = {}
        self._weights: dict[str, float | None] = {}
        """Bytes of the model that each step is about, by key."""
        self._since = time.monotonic()
        """When the step at work began, or rather the one before it ended: starting its process counts as well."""
        self._at_work: dict[str, float] = {}
        """When each step that is being done began, by key; there are several on a cluster."""

    def begin(self, step: Step) -> None:
        self._at_work[step.key] = time.monotonic() if self._at_work else self._since

    def stage(self, steps: Sequence[Step]) -> None:
        self._ahead = {step.key: step for step in steps}
        self._weights = {step.key: self._models.of(step) for step in steps}
        self._since = time.monotonic()

    def settle(self, step: Step, *, finished: bool) -> None:
        now = time.monotonic()
        if finished:
            seconds = now - self._at_work.get(step.key, self._since)
            self._usual.add(step.kind, step.subject, seconds, self._weights.get(step.key))
        self._at_work.pop(step.key, None)
        self._ahead.pop(step.key, None)
        self._since = now

    def description(self) -> str:
        """Empty where nothing is known."""
        now = time.monotonic()
        expected = {
            key: self._usual.of(step.kind, step.subject, self._weights[key]) for key, step in self._ahead.items()
        }
        known = {key: seconds for key, seconds in expected.items() if seconds is not None}
        if not known:
            return ""
        at_work = self._at_work or dict.fromkeys(list(expected)[:1], self._since)
        left = sum(max(0.0, seconds - (now - at_work.get(key, now))) for key, seconds in known.items())
        return f"{'about' if len(known) == len(expected) else 'over'} {duration(left / len(at_work))} left"


class _LeftColumn(TextColumn):
    def __init__(self, left: _TimeLeft) -> None:
        super().__init__("")
        self._left = left

    def render(self, task: object) -> Text:
        return Text(self._left.description())


class _TwoLines(Progress):
    """Below the bar, on a line of its own that is cut where the terminal ends, what is being done."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            doing = Text.from_markup(f"  {task.description}", overflow="ellipsis")
            doing.no_wrap = True
            yield doing


class _Lines:
    """A line a step, and for a long step one now and then."""

    def __init__(self, left: _TimeLeft) -> None:
        self._left = left
        self._spoken = 0.0
        self._steps = self._begun = 0

    def stage(self, name: str, steps: Sequence[Step], reused: int) -> None:
        self._left.stage(steps)
        self._steps, self._begun = len(steps), 0
        time = self._left.description()
        self._say(f"{name}: {plural(len(steps), 'step')} to do, {reused} reused{f', {time}' if time else ''}")

    def event(self, step: Step, event: dict[str, Any]) -> None:
        match event["event"]:
            case "started":
                self._left.begin(step)
                self._begun += 1
                self._say(f"  {self._begun} of {self._steps}: {step.title}")
            case "progress" if time.monotonic() - self._spoken > SECONDS_BETWEEN_LINES:
                self._say(f"    {event['what']} ({event['fraction']:.0%})")
            case "finished":
                self._left.settle(step, finished=True)
            case "failed":
                self._left.settle(step, finished=False)
                if event["status"] == SKIPPED:
                    self._begun += 1
                else:
                    self._say(f"  {step.title}: {event['status']}: {event['reason']}")

    def _say(self, line: str) -> None:
        self._spoken = time.monotonic()
        say(line, error=True)


class _Bar:
    def __init__(self, bar: Progress, console: Console, left: _TimeLeft) -> None:
        self._bar = bar
        self._console = console
        self._left = left
        self._task: TaskID | None = None

    def stage(self, name: str, steps: Sequence[Step], reused: int) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._left.stage(steps)
        note = f"{reused} reused" if reused else ""
        self._task = self._bar.add_task(note, total=len(steps), stage=name)

    def event(self, step: Step, event: dict[str, Any]) -> None:
        assert self._task is not None
        title = _shown(step.title)
        match event["event"]:
            case "started":
                self._left.begin(step)
                self._bar.update(self._task, description=title)
            case "progress":
                self._bar.update(self._task, description=f"{title}: {_shown(event['what'])} {event['fraction']:.0%}")
            case "finished":
                self._left.settle(step, finished=True)
                self._bar.advance(self._task)
            case "failed":
                self._left.settle(step, finished=False)
                self._bar.advance(self._task)
                if event["status"] != SKIPPED:
                    self._console.print(f"[red]{event['status']}[/red] {title}: {_shown(event['reason'])}")


def _shown(text: str) -> str:
    return escape(printable(text))
