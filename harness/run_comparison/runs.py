"""Two runs to compare, or one line that says why they cannot be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.report.values import Json, mapping, words
from harness.report.view import DeploymentView, TaskView, tasks_of
from harness.results.read import RESULTS_FILE, read_results
from harness.run_comparison.figures import same_processes

CONFIG_FILE = "config.json"


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run as its folder tells it."""

    path: Path
    results: Json
    config: Json
    """The study with every default; empty where the folder does not say."""
    tasks: dict[str, TaskView]

    @property
    def study(self) -> str:
        return words(self.results.get("study"))

    @property
    def environment(self) -> Json:
        return mapping(self.results.get("environment"))

    def measured(self, task: str) -> dict[str, DeploymentView]:
        """Those with timings, in the order of every table. A second run of one for its answers is not timed."""
        found = self.tasks[task].deployments if task in self.tasks else ()
        return {d.name: d for d in found if d.performance and d.replicate_kind != "execution"}

    def failed(self, task: str) -> dict[str, DeploymentView]:
        found = self.tasks[task].deployments if task in self.tasks else ()
        return {d.name: d for d in found if not d.ok and d.replicate_kind != "execution"}


@dataclass(frozen=True, eq=False)
class Common:
    """A deployment that both runs measured."""

    task: str
    before: DeploymentView
    after: DeploymentView

    @property
    def name(self) -> str:
        return self.before.name


@dataclass(frozen=True, eq=False)
class Pair:
    """Run A and run B, in which at least one deployment was measured by both."""

    a: Run
    b: Run
    common: tuple[Common, ...]
    """In the order of run A."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Of either run, those of A first."""
        return tuple(dict.fromkeys([*self.a.tasks, *self.b.tasks]))


def read_pair(a: Path, b: Path) -> Pair:
    """Read two run folders, or their results files.

    Raises:
        UserError: one is no run of this version or has no timings; both are the same run, or hold the very same
            measurements; or no deployment was measured by both.
    """
    before, after = _read(a), _read(b)
    if _file(a).resolve() == _file(b).resolve():
        raise UserError(f"{b}: is {a} itself; name two runs, by their folders (`scalemodel list runs`)")
    for run in (before, after):
        if not any(run.measured(task) for task in run.tasks):
            raise UserError(f"{run.path}: holds no timings; run its study with `performance`, which times deployments")
    common = tuple(
        Common(task, deployment, others[name])
        for task in before.tasks
        for others in (after.measured(task),)
        for name, deployment in before.measured(task).items()
        if name in others
    )
    if not common:
        raise UserError(f"{b}: has no deployment in common with {a}; {_first(before)} and {_first(after)} are no pair")
    if all(same_processes(pair.before.performance, pair.after.performance) for pair in common):
        raise UserError(
            f"{b}: holds the very measurements of {a}, which the store used again; measure once more with another "
            "--store"
        )
    return Pair(before, after, common)


def _read(path: Path) -> Run:
    results = read_results(path)
    return Run(path, results, _config(_file(path).with_name(CONFIG_FILE)), {t.name: t for t in tasks_of(results)})


def _file(path: Path) -> Path:
    return path / RESULTS_FILE if path.is_dir() else path


def _config(path: Path) -> Json:
    """The study that a run recorded; it only tells more about the load, so a run without one can be compared."""
    try:
        return mapping(mapping(json.loads(path.read_text(encoding="utf-8"))).get("study"))
    except (OSError, ValueError, RecursionError):
        return {}


def _first(run: Run) -> str:
    task, name = next((task, name) for task in run.tasks for name in run.measured(task))
    return f"{words(name)} of {words(task)}"
