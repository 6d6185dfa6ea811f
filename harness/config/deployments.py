"""The deployments of a study: every model, in each of its formats, on every backend that serves the format."""

from __future__ import annotations

from dataclasses import dataclass

from backends.registry import serves
from harness.config.study import Study, TaskName


@dataclass(frozen=True)
class Deployment:
    """An artifact on a backend, the unit that is measured and compared."""

    model: str
    format: str
    backend: str

    @property
    def name(self) -> str:
        return f"{self.model}/{self.format}@{self.backend}"


def deployments(study: Study, task: TaskName) -> list[Deployment]:
    """The task's deployments; the reference deployment (first format, first backend of the reference) is first."""
    models = study.tasks[task].models
    reference = study.tasks[task].reference
    return [
        Deployment(model, format, backend)
        for model in [reference, *(name for name in models if name != reference)]
        for format in models[model].formats or study.formats
        for backend in study.backends
        if serves(backend, format) is None
    ]
