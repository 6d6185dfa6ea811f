"""`run`, `train` and `export`: a study worked on up to a stage, with progress, then what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer

from harness.cli.cautions import data_cautions
from harness.cli.check import STATUS, judged
from harness.cli.configs import find_config
from harness.cli.estimates import ahead
from harness.cli.exit_status import ExitStatus
from harness.cli.fetch import go_offline, require_offline
from harness.cli.progress import progress_for
from harness.config.load import load_study
from harness.config.study import Study
from harness.errors import SKIPPED, UserError
from harness.execution.processes import Executor, LocalProcesses
from harness.execution.run import Execution, LoadedExamples
from harness.gate.baseline import load_baseline
from harness.gate.matches import check_matches
from harness.gate.summary import lines
from harness.planning.plan import Plan, Until
from harness.report.printable import say
from harness.results.gate_outcome import FILE as GATE
from harness.results.gate_outcome import GateOutcome, write_gate
from harness.results.read import load_results
from harness.results.run import run as run_study
from harness.store.step import Step
from harness.store.steps import Store
from harness.verification.result import read_verification, summary

LOCAL, RAY = "local", "ray"


def work(
    config: Path,
    overrides: list[str],
    tasks: list[str],
    store: Path,
    output: Path | None,
    *,
    quiet: bool,
    until: Until,
    executor: str,
    show: Callable[[Path], None] | None = None,
    offline: Path | None = None,
) -> None:
    """``show`` writes the report of a run's folder, once there are results."""
    go_offline(offline)
    study = load_study(find_config(config), overrides, tasks=tasks)
    require_offline(study, offline)

    def look_at(plan: Plan, loaded: LoadedExamples) -> None:
        check_gate(plan, str(config))
        for line in data_cautions(plan, loaded.missing):
            say(f"caution: {line}", error=True)
        if not quiet:
            say(ahead(plan, Store(store), until), error=True)

    try:
        run = run_study(
            study,
            store,
            output=output,
            until=until,
            progress=progress_for(Store(store), quiet=quiet),
            tell=None if quiet else partial(say, error=True),
            look_at=look_at,
            executor=executor_of(executor),
        )
    except KeyboardInterrupt:
        say("scalemodel: stopped; the same command goes on from here", error=True)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None
    folder = run.folder
    gate = None
    if until == "results" and run.has_results:
        gate = _gate(study, folder.path, str(config))
        if show is not None:
            show(folder.path)
        if not quiet:
            say(f"results: {folder.path} (again: scalemodel report {folder.path})", error=True)
        if gate is not None:
            *_, whole = lines(gate)
            say(whole, error=True)  # for those who threw the report away, or had it in another form
    elif until != "results":
        if until == "artifacts":
            _link(run.plan.artifacts, run, folder.path / "artifacts")
        _tell(run.plan.checkpoints if until == "checkpoints" else run.plan.artifacts, run)
        _tell_verified(run.plan.verifications if until == "artifacts" else (), run)
    causes = [failure for failure in run.failures.values() if failure.status != SKIPPED]
    for failure in causes if quiet else ():  # else the progress has told it
        say(f"scalemodel: could not {failure.step.title}: {failure.status}: {failure.reason}", error=True)
    if causes:
        skipped = len(run.failures) - len(causes)
        rest = f", {skipped} that need them were left out" if skipped else ""
        steps = "1 step" if len(causes) == 1 else f"{len(causes)} steps"
        say(f"scalemodel: {steps} failed{rest}; see {folder.path / 'log.txt'}", error=True)
        raise typer.Exit(ExitStatus.STEP_FAILED)
    if gate is not None and gate.status != "pass":
        raise typer.Exit(STATUS[gate.status])


def _gate(study: Study, folder: Path, source: str) -> GateOutcome | None:
    """What the study's gate finds, kept in the run's folder; an outcome of before is gone where there is none."""
    if study.gate is None:
        (folder / GATE).unlink(missing_ok=True)
        return None
    gate = judged(load_results(folder), folder, study.gate, f"{source}: gate")
    write_gate(folder, gate)
    return gate


def check_gate(plan: Plan, source: str) -> None:
    """Raise a `UserError` for a rule of the study's gate that matches nothing, or a baseline that is not there."""
    policy = plan.study.gate
    if policy is None:
        return
    names = {
        task.name: [
            planned.deployment.name
            for planned in task.deployments
            if task.task.models[planned.deployment.model].replicate_of is None
        ]
        for task in plan.tasks
    }
    check_matches(policy, names, f"{source}: gate")
    if policy.baseline is not None:
        load_baseline(policy.baseline)


def _link(artifacts: tuple[Step, ...], run: Execution, folder: Path) -> None:
    """``TASK/MODEL/FORMAT`` for each finished artifact: a link to its files in the store.

    What proposes an attack's words is of no format, and stands at ``TASK/MODEL``.
    """
    for step in artifacts:
        if step.key in run.failures:
            continue
        link = folder.joinpath(*(step.subject[part] for part in ("task", "model", "format") if part in step.subject))
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(run.store.path(step.kind, step.key), link.parent))


def _tell(steps: tuple[Step, ...], run: Execution) -> None:
    """Where each finished step's files are."""
    for step in steps:
        if step.key not in run.failures:
            say(f"{step.title}: {run.store.path(step.kind, step.key)}")


def _tell_verified(steps: tuple[Step, ...], run: Execution) -> None:
    """What the verification of each deployment found."""
    for step in steps:
        if step.kind == "verification" and step.key not in run.failures:
            verified = read_verification(run.store.path(step.kind, step.key))
            say(f"verified {step.subject['deployment']}: {summary(verified)}")


def executor_of(name: str) -> Executor:
    """``local``, ``ray`` or ``ray://HOST:PORT``.

    Raises:
        UserError: there is no such executor, Ray is not installed, or there is no such cluster.
    """
    if name == LOCAL:
        return LocalProcesses()
    if name != RAY and not name.startswith(f"{RAY}://"):
        raise UserError(f"--executor: {name!r} is none of {LOCAL}, {RAY} and {RAY}://HOST:PORT")
    try:
        from harness.execution.ray_cluster import RayCluster
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != RAY:
            raise
        raise UserError(f"--executor {name}: Ray is not installed; pip install 'scalemodel[ray]'") from None
    return RayCluster(None if name == RAY else name)
