"""Export the masked language model that proposes an attack's words."""

from __future__ import annotations

from exporters.attack_models.masked_language_model import write
from harness.config.strict import Strict
from harness.inference.process import import_transformers
from harness.steps.context import Context
from harness.store.step import StepInputs, StepRef

VERSION = 2
LIBRARIES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx")


class Options(Strict):
    pass


class Inputs(StepInputs):
    checkpoint: StepRef


def run(context: Context[Options, Inputs]) -> None:
    import_transformers()
    write(context.folder(context.inputs.checkpoint), context.destination)
