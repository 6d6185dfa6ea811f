"""Formats that are not made of the architecture of a model: known from its configuration, before anything is made."""

from __future__ import annotations

from exporters.formats import refused
from harness.checkpoints.positions import architecture
from harness.config.deployments import formats_of
from harness.errors import UserError
from harness.planning.context import TaskContext

Refused = dict[tuple[str, str], str]
"""The reason, by model and format."""


def refused_formats(context: TaskContext) -> Refused:
    """The formats of the study that are left out for a model. Of a model on a hub nothing is known yet.

    Raises:
        UserError: a model names such a format itself, or no other.
    """
    refusals: Refused = {}
    for name, model in context.task.models.items():
        kind = architecture(context.name, context.task, name)
        if kind is None:
            continue
        formats = formats_of(context.study, model)
        reasons = {format: reason for format in formats if (reason := refused(format, kind)) is not None}
        if reasons and (model.formats or len(reasons) == len(formats)):
            format, reason = next(iter(reasons.items()))
            place = f"tasks.{context.name}.models.{name}.formats" if model.formats else "formats"
            raise UserError(f"{place}: {format} is not made of {name}, a {kind}: {reason}")
        refusals.update({(name, format): reason for format, reason in reasons.items()})
    return refusals
