"""`check`, `policy init` and `baseline`: a run's figures against limits, and what such limits are made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from harness.cli.exit_status import ExitStatus
from harness.cli.show import find_run
from harness.config.load import load_policy
from harness.config.policy import Policy
from harness.errors import UserError
from harness.gate.baseline import Baseline, baseline_of, load_baseline, to_benchmark_json
from harness.gate.judge import gated_run, judge
from harness.gate.junit import to_junit
from harness.gate.starting_policy import starting_policy
from harness.gate.summary import github_annotations, print_lines, to_markdown
from harness.report.view import tasks_of
from harness.results.gate_outcome import GateOutcome, load_gate
from harness.results.read import RunResults, folder_of, load_results
from harness.store.atomic import reporting_unwritable, write_text

STATUS = {"pass": ExitStatus.DONE, "fail": ExitStatus.GATE_FAILED, "cannot tell": ExitStatus.CANNOT_TELL}
"""By that of the gate."""


@dataclass(frozen=True)
class Outputs:
    """What is written beside the lines on standard output."""

    junit: Path | None
    markdown: Path | None
    benchmark_json: Path | None
    github: bool
    """Annotations, on standard output as well."""


def check(run: Path | None, store: Path, policy: Path | None, baseline: Path | None, outputs: Outputs) -> None:
    """Hold a run against a policy, or show what its own gate found.

    Raises:
        UserError: a file cannot be read or written, or the policy does not fit the run.
        typer.Exit: with the gate's status, unless that is to pass.
    """
    path = find_run(run, store)
    results = load_results(path)
    gate = (
        _stored_gate(path, baseline)
        if policy is None
        else judged(results, path, load_policy(policy), str(policy), baseline)
    )
    if outputs.github:
        for line in github_annotations(gate):
            print(line)
    print_lines(Console(), gate)
    if outputs.junit:
        _write(outputs.junit, to_junit(gate))
    if outputs.markdown:
        _write(outputs.markdown, to_markdown(gate))
    if outputs.benchmark_json:
        _write(outputs.benchmark_json, to_benchmark_json(baseline_of(results, path)))
    if gate.status != "pass":
        raise typer.Exit(STATUS[gate.status])


def judged(results: RunResults, path: Path, policy: Policy, source: str, baseline: Path | None = None) -> GateOutcome:
    """``baseline``: instead of the policy's."""
    place = baseline or policy.baseline
    return judge(gated_run(results, path), policy, source, load_baseline(place) if place else None)


def _stored_gate(path: Path, baseline: Path | None) -> GateOutcome:
    if baseline is not None:
        raise UserError(f"--baseline {baseline}: is held against by a policy; give one with --policy FILE")
    gate = load_gate(folder_of(path))
    if gate is None:
        raise UserError(
            f"{path}: its study has no gate; give --policy FILE, which `scalemodel policy init {path}` starts"
        )
    return gate


def _write(path: Path, text: str) -> None:
    with reporting_unwritable(str(path)):
        write_text(path, text)


def print_policy(run: Path | None, store: Path) -> None:
    print(starting_policy(tasks_of(load_results(find_run(run, store)))), end="")


def print_baseline(run: Path | None, store: Path) -> None:
    path = find_run(run, store)
    baseline: Baseline = baseline_of(load_results(path), path)
    print(baseline.model_dump_json(indent=1))
