"""Check that a task names the training examples that something of it needs."""

from __future__ import annotations

from exporters.formats import FORMATS, lineage
from harness.config.deployments import formats_of
from harness.config.study import Study
from harness.config.tasks import TaskSettings
from harness.errors import UserError


def check_training_data(place: str, study: Study, task: TaskSettings) -> None:
    """Raise a `UserError` where something needs training examples and the task names none."""
    if task.data.train is None and (needing := _first_that_needs(study, task)):
        raise UserError(f"{place}.data.train: is missing, and {needing}; add it, or leave that out")


def _first_that_needs(study: Study, task: TaskSettings) -> str | None:
    for name, model in task.models.items():
        if model.training is not None:
            return f"models.{name}.training is done on it"
    for name, model in task.models.items():
        for format in formats_of(study, model):
            if format in FORMATS and any(step.needs_calibration for step in lineage(format)):
                return f"the format {format!r} of {name!r} is calibrated on it"
    if task.data.out_of_distribution is not None:
        return "data.out_of_distribution is told apart by its distance to it"
    attack = task.characteristics.attack
    if attack is not None and attack.masked_language_model and attack.masked_language_model.training is not None:
        return "characteristics.attack.masked_language_model.training is done on its texts"
    return None
