"""`compare`: two runs' timings against each other on standard output."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import typer

from harness.cli.exit_status import ExitStatus
from harness.cli.show import find_run
from harness.errors import UserError
from harness.run_comparison.render import ComparisonFormat, render
from harness.run_comparison.runs import read_pair
from harness.run_comparison.verdicts import compare


def compare_runs(
    a: Path, b: Path, store: Path, format: ComparisonFormat, *, minimum_effect: float, fail_on_slower: bool
) -> None:
    """Write how run ``b`` differs from run ``a`` (folders, or names as `report` takes them) to standard output.

    Raises:
        UserError: see `harness.run_comparison.runs.read_pair`; or the minimum effect is no share.
        typer.Exit: with status 4, after the report, where ``fail_on_slower`` and something is slower or bigger.
    """
    if not isfinite(minimum_effect) or minimum_effect < 0:
        raise UserError(f"--minimum-effect {minimum_effect}: give a share of 0 or more, such as 0.05")
    comparison = compare(read_pair(find_run(a, store), find_run(b, store)), minimum_effect=minimum_effect)
    render(comparison, format=format)
    if fail_on_slower and comparison.worse:
        raise typer.Exit(ExitStatus.GATE_FAILED)
