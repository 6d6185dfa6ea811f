"""A gate in lines for a terminal, as Markdown for a pull request, and as annotations of GitHub."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from harness.report.blocks import Cell, Column, Level, Prose, Report, Row, Section, Table
from harness.report.findings.phrases import SAID, gate_counts
from harness.report.markdown import to_markdown as report_to_markdown
from harness.report.printable import printable, say
from harness.report.terminal import Terminal
from harness.results.gate_outcome import GateOutcome, RuleOutcome

_LEVELS: dict[str, Level] = {"fail": "bad", "cannot tell": "chance", "pass": "high"}


def lines(gate: GateOutcome) -> Iterator[str]:
    """A line for each outcome that is no pass, those that stop the gate last, and the whole."""
    return (f"{before}: {text}" for before, text in _not_passed(gate))


def print_lines(console: Console, gate: GateOutcome) -> None:
    """The `lines`; in a terminal each is wrapped, and hangs under what came of it."""
    terminal = Terminal(console)
    for before, text in _not_passed(gate):
        if console.is_terminal:
            terminal.prose(text, indent=0, hanging=f"{before}: ")
        else:
            say(f"{before}: {text}")


def _not_passed(gate: GateOutcome) -> Iterator[tuple[str, str]]:
    """What came of each, and of what."""
    for outcome in sorted((one for one in gate.outcomes if one.status != "pass"), key=_weight):
        yield _status(outcome), f"{outcome.task}: {outcome.short}: {outcome.rule}: {outcome.detail}"
    if gate.untold:
        yield "not held", untold(gate)
    yield "gate", f"{SAID[gate.status]}: {gate_counts(gate)}"


def _weight(outcome: RuleOutcome) -> int:
    return 2 if outcome.status == "fail" else int(outcome.stops)


def _status(outcome: RuleOutcome) -> str:
    if outcome.status != "cannot tell" or outcome.stops:
        return outcome.status
    return f"{outcome.status} ({outcome.cannot_tell})"


def untold(gate: GateOutcome) -> str:
    return f"{', '.join(gate.untold)} (outputs from elsewhere have no figures of that)"


def to_markdown(gate: GateOutcome) -> str:
    """What stops or warns comes first; what passed is listed too."""
    columns = tuple(Column(heading, right=False) for heading in ("deployment", "limit", "outcome", "why"))
    rows = tuple(
        Row(
            (
                Cell(outcome.short),
                Cell(outcome.rule),
                Cell(_status(outcome), _LEVELS[outcome.status]),
                Cell(outcome.detail),
            ),
            outcome.task,
        )
        for task in dict.fromkeys(one.task for one in gate.outcomes)
        for outcome in sorted((one for one in gate.outcomes if one.task == task), key=lambda one: -_weight(one))
    )
    note = (
        "Intervals are of 95 %; in a corrected one the end that shows a failure allows for the number of limits. "
        "Cannot tell is no pass."
    )
    notes = (note, f"Not held: {untold(gate)}.") if gate.untold else (note,)
    section = Section("Limits", (Table("", columns, rows), Prose(notes)))
    return report_to_markdown(Report(f"Gate: {SAID[gate.status]}", gate_counts(gate), (section,)))


def github_annotations(gate: GateOutcome) -> Iterator[str]:
    """Workflow commands of GitHub Actions: an error for what stops the gate, a warning for what only warns."""
    for outcome in gate.outcomes:
        if outcome.stops or (outcome.status == "cannot tell" and outcome.cannot_tell == "warn"):
            kind = "error" if outcome.stops else "warning"
            title = _property(f"{outcome.short}: {outcome.rule}")
            yield f"::{kind} title={title}::{_data(f'{outcome.task}: {outcome.status}: {outcome.detail}')}"


def _data(text: str) -> str:
    """As `escapeData` of actions/toolkit (packages/core/src/command.ts)."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
