"""Options of a deployment: how its artifact is opened, and what its task makes of examples and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from exporters.manifest import read_manifest
from exporters.pooling import Pooling
from harness.config.names import TaskName
from harness.config.strict import Strict
from harness.config.task_registry import task_class
from harness.config.tasks import QuestionAnswering, Threshold
from harness.tasks.task import Task, task_for


class TaskOptions(Strict):
    """A task, and how it cuts examples to what a model reads."""

    name: TaskName
    labels: tuple[str, ...] = ()
    """Of the classes, in the order of the label indices."""
    max_length: int
    """Longest text, in tokens."""
    question_answering: QuestionAnswering | None = None
    threshold: Threshold | None = None

    @property
    def head(self) -> str:
        """The task of the checkpoint's head."""
        return task_class(self.name).head.task

    def open(self) -> Task:
        return task_for(
            self.name,
            question_answering=self.question_answering,
            max_length=self.max_length,
            threshold=self.threshold,
            labels=self.labels,
        )


class BackendOptions(Strict):
    """An artifact on a backend."""

    backend: str
    backend_options: dict[str, Any] = Field(default={})
    format: str
    task: TaskOptions
    pooling: Pooling | None
    """None: as the artifact's manifest says."""
    threads: int
    representation: bool = True
    """Whether the artifact has this output."""
    isa: tuple[str, ...] = ()
    """Instruction sets of the CPU, of which results may depend."""
    versions: dict[str, str] = Field(default={})
    """Of the runtime's distributions."""

    def opening(self, artifact: Path) -> dict[str, Any]:
        """The arguments of `backends.registry.open_backend` for ``artifact``, the artifact among them."""
        return {
            "artifact": artifact,
            "name": self.backend,
            "format": self.format,
            "task": self.task.head,
            "pooling": self.pooling or read_manifest(artifact).pooling,
            "threads": self.threads,
            "representation": self.representation,
            "options": self.backend_options,
        }


class DeploymentOptions(BackendOptions):
    """An artifact on a backend that runs over examples."""

    token_budget: int
    """Tokens a batch, padding counted."""
    sessions: int = 1
    """Openings of the artifact, side by side, with ``threads`` each."""
