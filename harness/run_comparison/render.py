"""Print a comparison: one content, in the three formats of reports."""

from __future__ import annotations

from rich.console import Console

from harness.report.markdown import to_markdown
from harness.report.render import ReportFormat
from harness.report.terminal import Terminal
from harness.run_comparison.as_json import to_json
from harness.run_comparison.blocks import build_content
from harness.run_comparison.verdicts import Comparison


def render(comparison: Comparison, *, format: ReportFormat = "terminal", console: Console | None = None) -> None:
    """Write the comparison to ``console`` (standard output when None); Markdown and JSON without wrapping or colour."""
    console = console or Console()
    if format == "terminal":
        Terminal(console).report(build_content(comparison))
        return
    text = to_json(comparison) if format == "json" else to_markdown(build_content(comparison))
    # a stream of another encoding gets "?" for what it cannot show instead of an exception
    console.file.write(text.encode(console.encoding, "replace").decode(console.encoding))
