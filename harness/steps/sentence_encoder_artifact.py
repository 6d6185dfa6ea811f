"""Export the sentence encoder that an attack's similarities are measured with."""

from __future__ import annotations

from exporters.onnx_sentence_encoder import write
from harness.execution.worker import Context


def run(context: Context) -> None:
    write(context.input("checkpoint"), context.destination)
