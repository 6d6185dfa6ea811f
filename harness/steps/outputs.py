"""Run a deployment over a data set, and keep what it said about every example."""

from __future__ import annotations

from harness.config.strict import Strict
from harness.data.arrow import pq
from harness.data.sampling import sample
from harness.inference.deployment import open_deployment
from harness.steps.context import Context
from harness.steps.deployed import DeployedInputs, DeployedOptions, deployment_options
from harness.store.examples import read_examples
from harness.store.outputs import FILE, read_outputs
from harness.store.runtime_facts import write_runtime
from harness.store.step import StepRef

VERSION = 5
LIBRARIES = ("tokenizers",)


class SampleOptions(Strict):
    size: int
    seed: int


class Options(DeployedOptions):
    sample: SampleOptions | None
    """Of the examples; None: all of them."""
    rerun: bool
    """Whether this is the execution replicate: the same once more, batched and padded otherwise."""


class Inputs(DeployedInputs):
    examples: StepRef
    corpus: StepRef | None = None
    """The deployment's own outputs on the documents that the examples ask for."""


def run(context: Context[Options, Inputs]) -> None:
    options, inputs = context.options, context.inputs
    examples = read_examples(context.folder(inputs.examples))
    if options.sample is not None:
        examples = sample(examples, options.sample.size, seed=options.sample.seed)
    artifact = context.folder(inputs.artifact)
    with open_deployment(artifact, deployment_options(context), rerun=options.rerun) as deployment:
        task = deployment.task
        table = deployment.table(examples, confidence=task.confident)
        write_runtime(context.destination, deployment.backend.describe())
    corpus = None if inputs.corpus is None else read_outputs(context.folder(inputs.corpus))
    pq.write_table(task.judged(table, corpus), context.destination / FILE, compression="zstd")
