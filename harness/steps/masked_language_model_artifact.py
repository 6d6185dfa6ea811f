"""Export the masked language model that proposes an attack's words."""

from __future__ import annotations

from exporters.onnx_masked_language_model import write
from harness.execution.worker import Context


def run(context: Context) -> None:
    write(context.input("checkpoint"), context.destination)
