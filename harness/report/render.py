"""Print a report: one content, three formats."""

from __future__ import annotations

from typing import Literal

from rich.console import Console

from harness.report.as_json import to_json
from harness.report.build import build_report
from harness.report.markdown import to_markdown
from harness.report.terminal import Terminal
from harness.results.read import RunResults

ReportFormat = Literal["terminal", "markdown", "json"]


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
    however many there are. Markdown and JSON are written as they are, without wrapping or colour.
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
    text = to_json(run) if format == "json" else to_markdown(build_report(run, all_pairs=all_pairs))
    # a stream of another encoding gets "?" for what it cannot show instead of an exception
    console.file.write(text.encode(console.encoding, "replace").decode(console.encoding))
