"""A task of a study on this machine: what its steps are planned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backends.host.machine import environment
from exporters.pooling import Pooling
from harness.config.names import TaskName
from harness.config.study import Study
from harness.config.task_registry import task_class
from harness.config.tasks import QuestionAnswering, TaskSettings
from harness.inference.options import TaskOptions
from harness.planning.step import only


@dataclass(frozen=True)
class Machine:
    """What the results of some steps depend on, beside their inputs."""

    environment: dict[str, Any]
    """All that `backends.host.machine.environment` tells."""

    @property
    def isa(self) -> tuple[str, ...]:
        return tuple(self.environment["cpu"]["isa"])

    @property
    def cores(self) -> int:
        return int(self.environment["cpu"]["cores"])

    @property
    def facts(self) -> dict[str, Any]:
        """Timings of unlike machines, or of one machine set up otherwise, are never taken for each other."""
        return {name: self.environment[name] for name in ("cpu", "memory_limit", "variables", "gpu", "os", "python")}


def this_machine() -> Machine:
    return Machine(environment())


@dataclass(frozen=True)
class TaskContext:
    study: Study
    name: TaskName
    task: TaskSettings
    machine: Machine

    @property
    def head(self) -> str:
        """The task of the checkpoints' head."""
        return task_class(self.name).head.task

    @property
    def pooling(self) -> Pooling | None:
        """None: as each checkpoint says itself, which its artifacts' manifests tell."""
        return self.task.pooling or ("cls" if task_class(self.name).head.outputs else None)

    @property
    def labels(self) -> tuple[str, ...]:
        return task_class(self.name).output_names(self.task)

    @property
    def decoding(self) -> QuestionAnswering | None:
        """How answers are decoded; None where nothing is asked."""
        return task_class(self.name).decoding(self.task)

    @property
    def windows(self) -> QuestionAnswering | None:
        """How contexts are cut, without how answers are decoded: all that training and export depend on."""
        return None if self.decoding is None else only(self.decoding, "max_seq_length", "doc_stride")

    def options(self, question_answering: QuestionAnswering | None) -> TaskOptions:
        """``question_answering`` is `decoding`, or `windows` where nothing is decoded."""
        return TaskOptions(
            name=self.name,
            labels=self.labels,
            max_length=self.task.max_length,
            question_answering=question_answering,
            threshold=self.task.threshold,
        )
