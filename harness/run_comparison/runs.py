"""Two runs to compare, or one line that says why they cannot be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView, tasks_of
from harness.results.environment import Environment
from harness.results.read import RESULTS_FILE, folder_of, load_results
from harness.results.schema import Results
from harness.results.timings import DeploymentPerformance
from harness.run_comparison.figures import same_processes

CONFIG_FILE = "config.json"


@dataclass(frozen=True, eq=False)
class TimedDeployment:
    """A deployment that was timed."""

    deployment: DeploymentView
    timings: DeploymentPerformance

    @property
    def name(self) -> str:
        return self.deployment.name


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A finished run as its folder tells it."""

    path: Path
    results: Results
    config: Mapping[str, Any]
    """The study with every default; empty where the folder does not say."""
    tasks: dict[str, TaskView]

    @property
    def study(self) -> str:
        return words(self.results.study)

    @property
    def environment(self) -> Environment | None:
        return self.results.environment

    def measured(self, task: str) -> dict[str, TimedDeployment]:
        """Those with timings, in the order of every table. A second run of one for its answers is not timed."""
        deployments = self.tasks[task].deployments if task in self.tasks else ()
        return {
            d.name: TimedDeployment(d, d.timings) for d in deployments if d.timings and d.replicate_kind != "execution"
        }

    @property
    def folder(self) -> Path:
        return folder_of(self.path)

    def answered(self, task: str) -> dict[str, DeploymentView]:
        """Those that answered the evaluation and whose answers mean something."""
        deployments = self.tasks[task].measured if task in self.tasks else ()
        return {d.name: d for d in deployments if not d.random}

    def failed(self, task: str) -> dict[str, DeploymentView]:
        deployments = self.tasks[task].deployments if task in self.tasks else ()
        return {d.name: d for d in deployments if not d.ok and d.replicate_kind != "execution"}


@dataclass(frozen=True, eq=False)
class Common:
    """A deployment that both runs measured."""

    task: str
    before: TimedDeployment
    after: TimedDeployment

    @property
    def name(self) -> str:
        return self.before.name


@dataclass(frozen=True, eq=False)
class Answered:
    """A deployment that answered the evaluation in both runs."""

    task: str
    before: DeploymentView
    after: DeploymentView

    @property
    def name(self) -> str:
        return self.before.name

    @property
    def place(self) -> str:
        return f"{words(self.task)}: {words(self.name)}"


@dataclass(frozen=True, eq=False)
class RunPair:
    """Run A and run B, in which at least one deployment was timed, or answered, in both."""

    a: FinishedRun
    b: FinishedRun
    common: tuple[Common, ...]
    """Those that both timed, in the order of run A."""
    answered: tuple[Answered, ...]
    """Those that answered in both, likewise."""

    def other_reference(self, task: str) -> bool:
        """Whether the speed-ups of a task are against another artifact in B than in A, or nobody knows."""
        a, b = (run.tasks[task].reference_deployment for run in (self.a, self.b))
        artifacts = [one.result.artifact.sha256 if one and one.result.artifact else None for one in (a, b)]
        return None in artifacts or artifacts[0] != artifacts[1]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Of either run, those of A first."""
        return tuple(dict.fromkeys([*self.a.tasks, *self.b.tasks]))


def read_pair(a: Path, b: Path) -> RunPair:
    """Read two run folders, or their results files.

    Raises:
        UserError: one is no run of this version; both are the same run, or hold the very same measurements; or no
            deployment was timed, or answered, in both.
    """
    before, after = _read(a), _read(b)
    if _file(a).resolve() == _file(b).resolve():
        raise UserError(f"{a} and {b}: are one and the same run; name two, as `scalemodel list runs` tells them")
    common = tuple(
        Common(task, deployment, others[name])
        for task in before.tasks
        for others in (after.measured(task),)
        for name, deployment in before.measured(task).items()
        if name in others
    )
    answered = tuple(
        Answered(task, deployment, others[name])
        for task in before.tasks
        for others in (after.answered(task),)
        for name, deployment in before.answered(task).items()
        if name in others
    )
    if not common and not answered:
        for run in (before, after):
            if not any(run.measured(task) for task in run.tasks):
                raise UserError(
                    f"{run.path}: holds no timings; run its study with `performance`, which times deployments"
                )
        raise UserError(f"{b}: has no deployment in common with {a}; {_first(before)} and {_first(after)} are no pair")
    if common and all(same_processes(pair.before.timings, pair.after.timings) for pair in common):
        raise UserError(
            f"{b}: holds the very measurements of {a}, which the store used again; measure once more with another "
            "--store"
        )
    return RunPair(before, after, common, answered)


def _read(path: Path) -> FinishedRun:
    run = load_results(path)
    tasks = {task.name: task for task in tasks_of(run)}
    return FinishedRun(path, run.results, _config(_file(path).with_name(CONFIG_FILE)), tasks)


def _file(path: Path) -> Path:
    return path / RESULTS_FILE if path.is_dir() else path


def _config(path: Path) -> Mapping[str, Any]:
    """The study that a run recorded; it only tells more about the load, so a run without one can be compared."""
    try:
        study = json.loads(path.read_text(encoding="utf-8"))["study"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return {}
    return study if isinstance(study, dict) else {}


def _first(run: FinishedRun) -> str:
    task, name = next((task, name) for task in run.tasks for name in run.measured(task))
    return f"{words(name)} of {words(task)}"
