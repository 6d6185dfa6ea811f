"""A baseline: the figures of a run with their intervals, and what they are of, as a small file for git."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from benchmarks.statistics.bootstrap import Estimate
from harness.config.figures import FIGURES
from harness.config.task_registry import TASKS, task_class
from harness.errors import UserError
from harness.gate.readings import READERS
from harness.gate.words import shown
from harness.report.view import DeploymentView, TaskView, tasks_of
from harness.results.environment import Environment
from harness.results.read import RESULTS_FILE, RunResults, folder_of
from harness.store.outputs import read_columns
from harness.store.record import Record
from harness.store.run_folder import outputs_in

LARGEST_BYTES = 10_000_000
ANEW = "write it anew with `scalemodel baseline RUN`"


class BaselineMachine(Record):
    """What speed depends on."""

    cpu: str | None
    """The CPU's name."""
    isa: list[str]
    """Instruction sets that choose a runtime's kernels."""
    cores: int
    """Cores that processes may use."""
    gpus: list[str]
    """Their names."""

    @classmethod
    def of(cls, environment: Environment | None) -> BaselineMachine | None:
        if environment is None:
            return None
        gpus = [device.name for device in environment.gpu.devices] if environment.gpu else []
        cpu = environment.cpu
        return cls(cpu=cpu.model, isa=cpu.isa, cores=cpu.cores, gpus=gpus)


class BaselineFigure(Record):
    """In the unit of the results, with its 95 % interval. None: undefined, or too little data to say."""

    value: float
    low: float | None
    high: float | None


class BaselineDeployment(Record):
    """A deployment."""

    artifact: str | None
    """SHA-256 of its file; None: not known."""
    figures: dict[str, BaselineFigure]
    """By the name that policies use."""


class BaselineTask(Record):
    """A task."""

    reference: str
    """The deployment that figures of pairs are against."""
    data: str | None
    """SHA-256 of the evaluation data's ids, gold answers and lengths; None: the run has no outputs."""
    deployments: dict[str, BaselineDeployment]
    """By name."""


class Baseline(Record):
    """The figures of a run."""

    version: Literal[1]
    """Of this layout."""
    study: str
    """Its name."""
    machine: BaselineMachine | None
    """None: nobody knows where the outputs were made."""
    tasks: dict[str, BaselineTask]
    """By name."""

    def figure(self, task: str, deployment: str, name: str) -> Estimate | None:
        """None: the baseline does not have it."""
        known = self.tasks.get(task)
        baseline_deployment = known.deployments.get(deployment) if known else None
        figure = baseline_deployment.figures.get(name) if baseline_deployment else None
        return None if figure is None else Estimate(figure.value, figure.low, figure.high)


def baseline_of(run: RunResults, path: Path) -> Baseline:
    """The figures of the run in ``path``, its folder or results file."""
    folder = folder_of(path)
    return Baseline(
        version=1,
        study=run.results.study,
        machine=BaselineMachine.of(run.results.environment),
        tasks={
            task.name: BaselineTask(
                reference=task.reference,
                data=data_digest(folder, task),
                deployments={
                    deployment.name: BaselineDeployment(
                        artifact=deployment.artifact.sha256 if deployment.artifact else None,
                        figures=dict(_figures(task, deployment)),
                    )
                    for deployment in task.deployments
                    if deployment.replicate_kind is None
                },
            )
            for task in tasks_of(run)
        },
    )


def _figures(task: TaskView, deployment: DeploymentView) -> Iterator[tuple[str, BaselineFigure]]:
    for name, figure in FIGURES.items():
        if figure.of_pair and deployment.name == task.reference:
            continue
        for part in task.recalls if figure.of else ("",):
            reading = READERS[name](task, deployment, part)
            if reading is not None and reading.estimate.value is not None and not reading.doubt:
                estimate = reading.estimate
                key = f"{name} of {part}" if part else name
                yield key, BaselineFigure(value=reading.estimate.value, low=estimate.low, high=estimate.high)


def data_digest(folder: Path, task: TaskView) -> str | None:
    """SHA-256 of what the reference was asked; None where the folder has no outputs of it."""
    path = outputs_in(folder, task.name, task.reference, "evaluation")
    if task.name not in TASKS or not path.exists():
        return None
    rows = read_columns(path, *task_class(task.name).given(), "tokens").to_pylist()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def load_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UserError: nothing there, not readable, or no baseline of this version.
    """
    try:
        if path.is_dir() or path.name == RESULTS_FILE:
            raise UserError(f"{path}: is a run, not a baseline; {ANEW} > baseline.json")
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
        if len(raw) > LARGEST_BYTES:
            raise UserError(f"{path}: larger than {LARGEST_BYTES:,} bytes, which no baseline is; {ANEW}")
        return Baseline.model_validate_json(raw)
    except FileNotFoundError:
        raise UserError(f"{path}: no such baseline; `scalemodel baseline RUN > {path}` writes one") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        message = f"{place}: {fault['msg']}" if place else fault["msg"]
        raise UserError(f"{path}: is no baseline of version 1: {' '.join(message.split())}; {ANEW}") from None


def to_benchmark_json(figures: Baseline) -> str:
    """`customSmallerIsBetter`: the figures of which smaller is better, an entry each: https://github.com/benchmark-action/github-action-benchmark."""
    entries = []
    for task, of_task in figures.tasks.items():
        for deployment, known in of_task.deployments.items():
            for name, figure in known.figures.items():
                facts = FIGURES[name.partition(" of ")[0]]
                if facts.better != "smaller":
                    continue
                entry: dict[str, object] = {
                    "name": f"{task}: {deployment}: {name}",
                    "unit": facts.unit,
                    "value": figure.value / facts.scale,
                    "extra": facts.meaning,
                }
                if figure.low is not None and figure.high is not None:
                    entry["range"] = f"{shown(figure.low, facts)} to {shown(figure.high, facts)}"
                entries.append(entry)
    return json.dumps(entries, indent=1, allow_nan=False) + "\n"
