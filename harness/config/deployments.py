"""The deployments of a study: every model, in each of its formats, on every backend that serves the format."""

from __future__ import annotations

from dataclasses import dataclass

from backends.registry import unsupported_reason
from exporters.prebuilt.engine import FORMAT as PREBUILT_ENGINE
from exporters.prebuilt.onnx import FORMAT as PREBUILT_ONNX
from exporters.prebuilt.outputs import LEFT_OUT
from harness.config.checkpoints import PrunedCheckpoint, RandomCheckpoint
from harness.config.models import Model
from harness.config.names import TaskName
from harness.config.study import Study
from harness.config.tasks import TaskSettings

EXECUTION_REPLICATE = "#rerun"
"""Behind the name of a deployment: the same one, run again with other batches and padding."""


@dataclass(frozen=True)
class Deployment:
    """An artifact on a backend, the unit that is measured and compared."""

    model: str
    format: str
    backend: str

    @property
    def name(self) -> str:
        return f"{self.model}/{self.format}@{self.backend}"


def formats_of(study: Study, model: Model) -> tuple[str, ...]:
    """The formats that a model is deployed in: a finished file has its own alone."""
    if model.artifact is not None:
        return ((PREBUILT_ONNX if model.artifact.tensorrt is None else PREBUILT_ENGINE).name,)
    return model.formats or study.formats


def represented(task: TaskSettings, model: str) -> bool:
    """Whether a model's deployments give a representation: all do, but a finished file that was told to have none."""
    artifact = task.models[model].artifact
    return artifact is None or artifact.representation != LEFT_OUT


def random_weights(task: TaskSettings, name: str) -> bool:
    """Whether a model's answers mean nothing: neither it nor what it was pruned from was ever trained."""
    model = task.models[name]
    if model.training is not None:
        return False
    if isinstance(model.checkpoint, PrunedCheckpoint):
        return random_weights(task, model.checkpoint.pruned)
    return isinstance(model.checkpoint, RandomCheckpoint)


def deployments(study: Study, task: TaskName) -> list[Deployment]:
    """The task's deployments; the reference deployment (first format, first backend of the reference) is first."""
    models = study.tasks[task].models
    reference = study.tasks[task].reference
    return [
        Deployment(model, format, backend)
        for model in [reference, *(name for name in models if name != reference)]
        for format in formats_of(study, models[model])
        for backend in study.backends
        if unsupported_reason(backend, format) is None
    ]
