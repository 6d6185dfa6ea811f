"""The steps that read a task's data sets."""

from __future__ import annotations

from typing import Any

from exporters.files import sha256
from harness.config.data import DataSource, TrainingSource
from harness.config.tasks import TaskSettings
from harness.data.load import source_files
from harness.errors import errors_at
from harness.planning.context import TaskContext
from harness.planning.step import plan_step
from harness.steps import examples
from harness.store.step import Step

ATTACKED = "attack-"

_PATHS = {"squad", "table", "candidates", "corpus", "queries", "qrels", "tagged"}
"""Fields of sources that name files, which count by their content."""


def data_sources(task: TaskSettings) -> dict[str, TrainingSource]:
    """The data sets of a task by role; the texts to attack, where they have sources of their own, are numbered."""
    sources: dict[str, TrainingSource] = {} if task.data.train is None else {"train": task.data.train}
    sources["evaluation"] = task.data.evaluation
    if task.data.corpus is not None:
        sources["corpus"] = task.data.corpus
    if task.data.out_of_distribution is not None:
        sources["out-of-distribution"] = task.data.out_of_distribution
    attack = task.characteristics.attack
    if attack is not None:
        sources |= {f"{ATTACKED}{number}": source for number, source in enumerate(attack.data or (), start=1)}
    return sources


def data_place(task: str, role: str) -> str:
    """The study's field that names the data of a ``role``."""
    attacked = role.startswith(ATTACKED)
    return f"tasks.{task}." + ("characteristics.attack.data" if attacked else f"data.{role.replace('-', '_')}")


def attacked_examples(by_role: dict[str, Step]) -> list[Step]:
    """Of a task's examples by role, the sources of texts to attack: the evaluation, where there are no others."""
    return [step for role, step in by_role.items() if role.startswith(ATTACKED)] or [by_role["evaluation"]]


def plan_examples(context: TaskContext) -> dict[str, Step]:
    """By role."""
    return {role: _examples(context, role, source) for role, source in data_sources(context.task).items()}


def _examples(context: TaskContext, role: str, source: TrainingSource) -> Step:
    with errors_at(data_place(context.name, role)):
        files = source_files(source)
        digests = tuple(sha256(path) for path in files)
    return plan_step(
        examples,
        title=f"read the {role} data of {context.name}",
        group="examples",
        subject={"task": context.name, "role": role},
        options=examples.Options(
            task=context.name,
            labels=context.task.labels,
            role=role,
            source=source,
            settings=tuple(map(_settings, source)) if isinstance(source, tuple) else _settings(source),
            suffixes=tuple(path.suffix for path in files),
            sha256=digests,
            seed=context.study.seed,
        ),
        inputs=examples.Inputs(),
    )


def _settings(source: DataSource) -> dict[str, Any]:
    return source.model_dump(mode="json", exclude=_PATHS if source_files(source) else None)
