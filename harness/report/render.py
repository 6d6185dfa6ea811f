"""Print a report: one content, four formats."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Literal

from rich.console import Console

from harness.report.blocks import Report
from harness.report.build import all_findings, build_report
from harness.report.latex import to_latex
from harness.report.markdown import to_markdown
from harness.report.terminal import Terminal
from harness.results.read import RunResults

AS_TEXT = {"markdown": to_markdown, "latex": to_latex}
ReportFormat = Literal["terminal", "markdown", "json", "latex"]
JSON_VERSION = 2
"""Of the report itself; the results inside carry their own."""


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
    if format == "json":
        write_text(to_json(run), console)
        return
    before = console.width
    console.width = width or before
    try:
        render_part(build_report(run, all_pairs=all_pairs), format=format, console=console)
    finally:
        console.width = before


def render_part(
    report: Report,
    *,
    format: Literal["terminal", "markdown", "latex"] = "terminal",
    console: Console | None = None,
) -> None:
    """Write a report, or a part of one, to ``console`` (standard output when None)."""
    console = console or Console()
    if format == "terminal":
        Terminal(console).report(report)
    else:
        write_text(AS_TEXT[format](report), console)


def write_text(text: str, console: Console) -> None:
    """As it is, without wrapping or colour; "?" for what the console's encoding does not have."""
    console.file.write(text.encode(console.encoding, "replace").decode(console.encoding))


def to_json(run: RunResults) -> str:
    """For programs: results and timings as they are, and the findings. ASCII; what is unknown is null."""
    report = {
        "report_version": JSON_VERSION,
        "findings": {task: [asdict(f) for f in findings] for task, findings in all_findings(run).items()},
        "results": run.results.model_dump(mode="json"),
        "performance": None if run.performance is None else run.performance.model_dump(mode="json"),
    }
    return json.dumps(report, indent=2, allow_nan=False) + "\n"
