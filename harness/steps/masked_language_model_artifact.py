"""Export the masked language model that proposes an attack's words."""

from __future__ import annotations

from exporters.attack_models.masked_language_model import write
from harness.steps.context import Context


def run(context: Context) -> None:
    write(context.input("checkpoint"), context.destination)
