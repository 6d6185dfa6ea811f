"""Export the sentence encoder that an attack's similarities are measured with."""

from __future__ import annotations

from exporters.attack_models.sentence_encoder import write
from harness.steps.context import Context


def run(context: Context) -> None:
    write(context.input("checkpoint"), context.destination)
