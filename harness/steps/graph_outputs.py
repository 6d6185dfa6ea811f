"""Run the graph of a finished file, as it is written, on the examples that its deployments are verified on.

By ONNX Runtime without optimisation.
"""

from __future__ import annotations

from backends.onnxruntime.cpu import OnnxRuntimeUnoptimised
from exporters.manifest import read_manifest
from harness.config.strict import Strict
from harness.inference.options import TaskOptions
from harness.steps.checkpoint_outputs import write_expected
from harness.steps.context import Context
from harness.store.examples import read_examples
from harness.store.step import StepInputs, StepRef
from harness.verification.checks import verification_inputs

VERSION = 1
LIBRARIES = ("tokenizers",)


class Options(Strict):
    format: str
    task: TaskOptions
    representation: bool
    verification_examples: int
    seed: int
    isa: tuple[str, ...]
    """Instruction sets of the CPU."""
    versions: dict[str, str]
    """Of ONNX Runtime's distributions."""


class Inputs(StepInputs):
    artifact: StepRef
    evaluation: StepRef


def run(context: Context[Options, Inputs]) -> None:
    """Write what `harness.steps.checkpoint_outputs.read_expected` reads."""
    artifact, options = context.folder(context.inputs.artifact), context.options
    manifest = read_manifest(artifact)
    inputs = verification_inputs(
        read_examples(context.folder(context.inputs.evaluation)),
        artifact,
        options.task.open(),
        count=options.verification_examples,
        seed=options.seed,
        positions=manifest.max_positions,
        pad_token=manifest.pad_token,
    )
    with OnnxRuntimeUnoptimised(
        artifact, format=options.format, task=options.task.head, representation=options.representation
    ) as backend:
        write_expected(context.destination, [backend.infer(batch) for batch in inputs.batches])
