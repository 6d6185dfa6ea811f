"""Print a comparison: one content, in three formats."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Literal

from rich.console import Console

from benchmarks.statistics.equivalence import LEVEL
from harness.report.render import render_part, write_text
from harness.report.values import words
from harness.run_comparison.behaviour import Behaviour
from harness.run_comparison.blocks import build_content
from harness.run_comparison.runs import FinishedRun
from harness.run_comparison.verdicts import Compared, Comparison

ComparisonFormat = Literal["terminal", "markdown", "json"]
JSON_VERSION = 2


def render(comparison: Comparison, *, format: ComparisonFormat = "terminal", console: Console | None = None) -> None:
    """Write the comparison to ``console`` (standard output when None); Markdown and JSON without wrapping or colour."""
    console = console or Console()
    if format == "json":
        write_text(to_json(comparison), console)
    else:
        render_part(build_content(comparison), format=format, console=console)


def to_json(comparison: Comparison) -> str:
    """Every figure with its ratio, interval, p values and verdict. ASCII; what is unknown is null."""
    pair = comparison.pair
    document = {
        "compare_version": JSON_VERSION,
        "minimum_effect": comparison.minimum_effect,
        "level": LEVEL,
        "tests": comparison.tests,
        "a": _run(pair.a, pair.b),
        "b": _run(pair.b, pair.a),
        "differences": [asdict(difference) for difference in comparison.differences],
        "figures": [_figure(compared) for compared in comparison.figures],
        "behaviour": [_behaviour(one) for one in comparison.behaviour],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _run(run: FinishedRun, other: FinishedRun) -> dict[str, Any]:
    return {
        "path": str(run.path),
        "study": run.study,
        "only_here": {task: [d for d in run.measured(task) if d not in other.measured(task)] for task in run.tasks},
        "failed": {task: {name: words(d.result.reason) for name, d in run.failed(task).items()} for task in run.tasks},
    }


def _figure(compared: Compared) -> dict[str, Any]:
    change = compared.change
    return {
        "task": compared.common.task,
        "deployment": compared.common.name,
        "figure": compared.figure.name,
        "key": compared.figure.key,
        "a": compared.before,
        "b": compared.after,
        "processes": list(compared.processes),
        "unstable": list(compared.doubtful),
        "ratio": asdict(change.ratio),
        "p": change.p,
        "p_alone": change.p_alone,
        "verdict": compared.verdict,
        "processes_needed": change.processes_needed,
        "reason": change.reason,
    }


def _behaviour(one: Behaviour) -> dict[str, Any]:
    return {
        "task": one.task,
        "deployment": one.answered.name,
        "a": asdict(one.before),
        "b": asdict(one.after),
        "answers": None if one.answers is None else asdict(one.answers),
        "reason": one.reason,
    }
