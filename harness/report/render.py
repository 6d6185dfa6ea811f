"""Print a report: one content, four formats."""

from __future__ import annotations

from typing import Literal

from rich.console import Console

from harness.report.as_json import to_json
from harness.report.blocks import Report
from harness.report.build import build_report
from harness.report.latex import to_latex
from harness.report.markdown import to_markdown
from harness.report.terminal import Terminal
from harness.results.read import RunResults

AS_TEXT = {"markdown": to_markdown, "latex": to_latex}
ReportFormat = Literal["terminal", "markdown", "json", "latex"]


def render(
    run: RunResults,
    *,
    format: ReportFormat = "terminal",
    width: int | None = None,
    console: Console | None = None,
    all_pairs: bool = False,
) -> None:
    """Write the report of a run to ``console`` (standard output when None).

    ``run`` is what `harness.results.read.load_results` gives. ``width`` is in columns and matters to
    the terminal only; None takes the console's. ``all_pairs`` draws the matrices of every deployment,
    however many there are. The others are written as they are, without wrapping or colour.
    """
    console = console or Console(width=width)
    if format == "terminal":
        before = console.width
        console.width = width or before
        try:
            Terminal(console).report(build_report(run, all_pairs=all_pairs))
        finally:
            console.width = before
        return
    _write(console, to_json(run) if format == "json" else AS_TEXT[format](build_report(run, all_pairs=all_pairs)))


def render_part(report: Report, *, format: Literal["terminal", "markdown", "latex"] = "terminal") -> None:
    """Write a report, or what was taken from one, to standard output."""
    console = Console()
    if format == "terminal":
        Terminal(console).report(report)
    else:
        _write(console, AS_TEXT[format](report))


def _write(console: Console, text: str) -> None:
    # a stream of another encoding gets "?" for what it cannot show instead of an exception
    console.file.write(text.encode(console.encoding, "replace").decode(console.encoding))
